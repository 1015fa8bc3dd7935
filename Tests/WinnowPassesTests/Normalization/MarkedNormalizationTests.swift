import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// BatchNormalization that its file has in training.
struct MarkedNormalizationTests {
    private func model(isMarked: Bool) throws -> Graph {
        let b = GraphBuilder("marked")
        let x = try b.add(MatMul(), b.input("x", .float32, ["N", 6]), b.constant("w", TestModels.normal([6, 4], seed: 1)))
        let vectors = [("scale", 2), ("shift", 1), ("mean", 0.5), ("variance", 3)].map {
            b.constant($0, Tensor(repeating: Float($1), shape: [4]))
        }
        let h = try b.add(BatchNormalization(isMarkedTraining: isMarked), inputs: [x] + vectors, outputs: isMarked ? 3 : 1)[0]
        return try b.graph(outputs: [b.add(MatMul(), b.add(Relu(), h), b.constant("v", TestModels.normal([4, 3], seed: 2)))])
    }

    /// Gradients of single samples are those at inference: a batch of one has no statistics.
    @Test func gradientsAreThoseAtInference() throws {
        let graphs = try [true, false].map { try model(isMarked: $0) }
        let data = try TestModels.dataset(for: graphs[1], count: 16)
        let moments = try graphs.map { graph in
            let targets = try WeightTargets(graph, Selection(in: graph)) { _ in nil }.targets
            return try LossGradients.moments(of: targets, in: graph, PassContext(calibration: data))
        }
        let own = try #require(moments[0]["w"]?.meanSquares)
        #expect(own == moments[1]["w"]?.meanSquares && own.contains { $0 > 0 })
    }

    @Test func teachersAreAtInference() throws {
        let teachers = try [true, false].map { try Teacher(model(isMarked: $0)).graph }
        let inputs = ["x": TestModels.normal([5, 6], seed: 3)]
        let outputs = try teachers.map { try #require(Session($0).run(inputs).values.first) }
        #expect(outputs[0].relativeError(of: outputs[1]) < 1e-6)
    }
}
