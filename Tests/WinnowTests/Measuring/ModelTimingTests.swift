import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import Winnow

@Suite struct ModelTimingTests {
    private func model(_ extents: [Extent]) throws -> Model {
        let b = GraphBuilder("product")
        return Model(try b.graph(outputs: [b.add(MatMul(), b.input("x", .float32, extents), b.constant("w", Tensor(zeros: [4, 3])))]))
    }

    /// Batch sizes that a model does not take are refused, not measured as another.
    @Test(arguments: [([1, 4], "4,8", "1 sample"), ([2, 4], "1", "2 samples"), ([4], "8", "1 sample")] as [([Extent], String, String)])
    func otherBatchesThanAModelFixesAreRefused(extents: [Extent], batches: String, words: String) throws {
        let error = #expect(throws: WinnowError.self) { try ModelTiming.measure(model(extents), batches: batches, seconds: 0) }
        #expect(error?.subject == "--batch" && error?.problem.hasSuffix("fixes its inputs to \(words)") == true)
    }

    @Test(arguments: [
        ([1, 4], nil, [1]), ([2, 4], nil, [2]), ([2, 4], "2", [2]), ([4], "1", [1]), (["N", 4], "4,8", [4, 8]),
    ] as [([Extent], String?, [Int])])
    func whatFitsIsMeasured(extents: [Extent], batches: String?, sizes: [Int]) throws {
        #expect(try ModelTiming.measure(model(extents), batches: batches, seconds: 0).map(\.latency.batchSize) == sizes)
    }
}
