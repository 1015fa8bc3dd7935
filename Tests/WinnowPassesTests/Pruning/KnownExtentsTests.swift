import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Numbers that a graph computes from shapes, though they are known whatever the open extents are.
struct KnownExtentsTests {
    /// One attention-like head over x (N, L, 8), spelled as exporters do that trace: the heads' width and √width are computed
    /// from the width of x, which must stay. With `isComputed` false the same with constants.
    private func heads(isComputed: Bool) throws -> Graph {
        let b = GraphBuilder("heads")
        let x = try b.input("x", .float32, ["N", "L", 8])
        let shape = try b.add(ShapeOf(), x)
        func extent(_ axis: Int64) throws -> ValueName { try b.add(Gather(), shape, b.constant("axis", Tensor([axis]))) }
        let (count, length) = (try extent(0), try extent(1))
        let width = isComputed ? try extent(2) : b.constant("width", Tensor([Int64(8)]))
        let half = isComputed ? try b.add(Div(), width, b.constant("two", Tensor([Int64(2)]))) : b.constant("half", Tensor([Int64(4)]))
        let root = isComputed ? try b.add(Sqrt(), b.add(Cast(to: .float32), half)) : b.constant("root", Tensor([Float(2)]))
        let split = try b.add(Concat(axis: 0), inputs: [count, length, b.constant("heads", Tensor([Int64(2)])), half])[0]
        let joined = try b.add(Concat(axis: 0), inputs: [count, length, width])[0]
        let h = try b.add(MatMul(), x, b.constant("w1", TestModels.normal([8, 8])))
        let scaled = try b.add(Div(), b.add(Reshape(), h, split), root)
        let y = try b.add(MatMul(), b.add(Reshape(), scaled, joined), b.constant("w2", TestModels.normal([8, 3], seed: 6)))
        return try b.graph(outputs: [y])
    }

    @Test func computedExtentsPruneAsConstantsDo() throws {
        let x = TestModels.normal([2, 5, 8], seed: 8)
        for isComputed in [true, false] {
            let graph = try heads(isComputed: isComputed)
            let result = try StructuredPruning()(graph)
            #expect(result.graph.initializers["w1"]?.shape == [8, 4] && result.graph.initializers["w2"]?.shape == [4, 3])
            #expect(result.findings.first { $0.subject == "w1" }?.status == .done)
            let masked = try StructuredPruning(remove: false)(graph).graph
            let (small, zeroed) = (try Session(result.graph).run(["x": x]), try Session(masked).run(["x": x]))
            for (a, b) in zip(try #require(small.values.first).floats(), try #require(zeroed.values.first).floats()) {
                #expect(abs(a - b) < 1e-5)
            }
        }
    }

    @Test func whereNothingGoesNothingChanges() throws {
        let graph = try heads(isComputed: true)
        #expect(try StructuredPruning(sparsity: 0)(graph).graph.text == graph.text)
    }

    /// The first number of a Reshape counts samples, channels and rows together (MobileViT's patches): it is what is left.
    @Test func aProductOfSamplesAndChannelsPrunes() throws {
        let b = GraphBuilder("patches")
        let x = try b.input("x", .float32, ["N", 3, 8, 8])
        let h = try b.conv(x, b.constant("w1", TestModels.normal([24, 3, 1, 1])))
        let shape = try b.add(ShapeOf(), h)
        func extent(_ axis: Int64) throws -> ValueName { try b.add(Gather(), shape, b.constant("axis", Tensor([axis]))) }
        func numbers(_ values: Int64...) -> ValueName { b.constant("numbers", Tensor(values)) }
        let rows = try b.multiply(b.multiply(extent(0), extent(1)), numbers(4))
        let patches = try b.add(Reshape(), h, b.add(Concat(axis: 0), rows, numbers(2, 4, 2)))
        let turned = try b.add(Transpose([0, 2, 1, 3]), b.add(Relu(), b.add(Transpose([0, 2, 1, 3]), patches)))
        let image = try b.add(Reshape(), turned, b.add(Concat(axis: 0), extent(0), extent(1), numbers(8, 8)))
        let graph = try b.graph(outputs: [b.conv(image, b.constant("w2", TestModels.normal([2, 24, 1, 1], seed: 6)))])
        let pruned = try StructuredPruning()(graph).graph
        #expect(pruned.initializers["w1"]?.shape == [12, 3, 1, 1] && pruned.initializers["w2"]?.shape == [2, 12, 1, 1])
        let input = ["x": TestModels.normal([3, 3, 8, 8], seed: 8)]
        let zeroed = try Session(StructuredPruning(remove: false)(graph).graph).run(input)
        for (a, b) in zip(try #require(Session(pruned).run(input).values.first).floats(), try #require(zeroed.values.first).floats()) {
            #expect(abs(a - b) < 1e-4)
        }
    }

    /// torch's nn.MultiheadAttention of an open batch: samples and heads are one axis, which is apart from tokens before and with them after.
    @Test func headsBesideAnOpenBatchPrune() throws {
        let b = GraphBuilder("torch")
        let x = try b.input("x", .float32, ["N", 6, 16])
        let tokens = try b.add(Transpose([1, 0, 2]), x)
        let count = try b.add(Gather(), b.add(ShapeOf(), tokens), b.constant("axis", Tensor([Int64(1)])))
        func numbers(_ values: Int64...) -> ValueName { b.constant("numbers", Tensor(values)) }
        let packed = try b.add(MatMul(), tokens, b.constant("w1", TestModels.normal([16, 48])))
        let apart = try b.add(Reshape(), packed, b.add(Concat(axis: 0), numbers(6), count, numbers(3, 16)))
        let stacked = try b.add(Transpose([2, 0, 1, 3]), apart)
        let all = try b.multiply(count, numbers(4))
        let heads = try (0..<3).map { place in
            let one = try b.add(Gather(), stacked, b.constant("place", scalar: Int64(place)))
            return try b.add(Transpose([1, 0, 2]), b.add(Reshape(), one, b.add(Concat(axis: 0), numbers(6), all, numbers(4))))
        }
        let scores = try b.add(Softmax(), b.add(MatMul(), heads[0], b.add(Transpose([0, 2, 1]), heads[1])))
        let seen = try b.add(Transpose([1, 0, 2]), b.add(MatMul(), scores, heads[2]))
        let rows = try b.add(Reshape(), seen, b.add(Concat(axis: 0), b.multiply(count, numbers(6)), numbers(16)))
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.constant("w2", TestModels.normal([16, 5], seed: 6)))])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"], inputs: ["x": TestModels.normal([3, 6, 16], seed: 8)])
    }

    /// Channels that a softmax computes over cannot go, and nothing is amiss: `--strict` has nothing to say.
    @Test func whatMathematicsForbidsIsKept() throws {
        let b = GraphBuilder("probabilities")
        let x = try b.input("x", .float32, ["N", 6])
        let h = try b.add(MatMul(), x, b.constant("w1", TestModels.normal([6, 8])))
        let n = try b.add(Softmax(), h)
        let graph = try b.graph(outputs: [b.add(MatMul(), n, b.constant("w2", TestModels.normal([8, 3])))])
        let findings = try StructuredPruning()(graph).findings
        #expect(findings.allSatisfy { $0.status == .kept })
        #expect(findings.first { $0.subject == "w1" }?.reason.contains("computes over all of this axis") == true)
    }
}

extension StructuredPruning {
    fileprivate init(sparsity: Double = 0.5, remove: Bool = true) {
        self.init()
        self.sparsity = sparsity
        self.remove = remove
    }
}
