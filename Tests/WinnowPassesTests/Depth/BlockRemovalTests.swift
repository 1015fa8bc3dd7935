import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct BlockRemovalTests {
    /// Three blocks x + Tanh(x W) of 8 features whose weights are larger from one to the next, then a layer.
    private func blocks(_ scales: [Float] = [0.5, 0.01, 1]) throws -> Graph {
        let b = GraphBuilder("blocks")
        var x = try b.input("x", .float32, ["N", 8])
        for (index, scale) in scales.enumerated() {
            let weight = b.constant(
                "w\(index)",
                Tensor(TestModels.normal([8, 8], seed: UInt64(index + 1)).floats().map { $0 * scale }, shape: [8, 8]))
            let inner = try b.add(Tanh(), b.add(MatMul(), x, weight, name: "p\(index)"), name: "tanh\(index)")
            // The value itself may be on either side.
            x = try index % 2 == 0 ? b.add(Add(), x, inner, name: "sum\(index)") : b.add(Add(), inner, x, name: "sum\(index)")
        }
        return try b.graph(outputs: [b.add(MatMul(), x, b.constant("end", TestModels.normal([8, 4])), name: "last")])
    }

    @Test(arguments: ["cosine", "metric"])
    func theBlockThatDoesLeastGoesFirst(_ ranking: String) throws {
        let graph = try blocks()
        let context = try TestModels.context(for: graph)
        for (count, left) in [(0, ["w0", "w1", "w2"]), (1, ["w0", "w2"]), (3, []), (9, [])] {
            let result = try BlockRemoval(hyperparameters: ["blocks": .int(count), "ranking": .string(ranking)])(
                graph, in: context)
            #expect(result.graph.initializerNames.filter { $0.hasPrefix("w") } == left, "\(count)")
            #expect(
                result.graph.outputNames == graph.outputNames
                    && result.graph.outputs.allSatisfy { result.graph.type(of: $0) == graph.type(of: $0) })
        }
    }

    /// A graph without a block is the graph that was built without it.
    @Test func whatIsLeftComputesAsIfItHadNeverBeenThere() throws {
        let samples = TestModels.normal([5, 8])
        let small = try BlockRemoval { $0.blocks = 1 }(blocks(), in: TestModels.context(for: blocks())).graph
        let zero = try blocks([0.5, 0, 1])
        #expect(try TestModels.predictions(of: small, on: samples) == TestModels.predictions(of: zero, on: samples))
    }

    @Test func onlySumsOfAValueAndWhatComesOfItAreBlocks() throws {
        #expect(try ResidualBlock.all(in: TestModels.residual()).map(\.name) == ["block.add"])
        #expect(try ResidualBlock.all(in: Zoo.tokens()).map(\.name) == ["residual"])
        for make in [TestModels.perceptron, TestModels.convolutional, TestModels.products] {
            #expect(try ResidualBlock.all(in: make(1)).isEmpty)
        }
        let b = GraphBuilder("sides")
        let x = try b.input("x", .float32, ["N", 4])
        let sides = try [1, 2].map {
            try b.add(MatMul(), x, b.constant("w\($0)", TestModels.normal([4, 4], seed: UInt64($0))), name: "p\($0)")
        }
        let sum = try b.add(Add(), sides[0], sides[1], name: "sum")
        let graph = try b.graph(outputs: [b.add(Add(), b.add(Relu(), sum, name: "relu"), sum, name: "end")])
        #expect(ResidualBlock.all(in: graph).isEmpty, "neither side comes of the other, and an output keeps its name")
    }
}
