import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct SVDFactorizationTests {
    /// A network whose weights have low rank, so that factors can be exact.
    private func lowRank() throws -> Graph {
        var random = RandomGenerator(seed: 4)
        func product(_ rows: Int, _ columns: Int, rank: Int) -> Tensor {
            let a = Matrix((0..<(rows * rank)).map { _ in random.normal() }, rows: rows, columns: rank)
            let b = Matrix((0..<(rank * columns)).map { _ in random.normal() }, rows: rank, columns: columns)
            return Tensor((a * b).elements, shape: [rows, columns])
        }
        let b = GraphBuilder("low-rank")
        var x = try b.input("image", .float32, ["N", 4, 9, 8])
        let channel = product(8, 36, rank: 2).reshaped([8, 4, 3, 3])
        x = try b.conv(
            x, b.constant("conv.weight", channel), b.constant("conv.bias", Tensor(repeating: Float(0.5), shape: [8])),
            stride: 2, padding: 1, name: "conv")
        let spatial = product(24, 24, rank: 2).reshaped([8, 3, 8, 3]).transposed([2, 0, 1, 3])
        x = try b.conv(x, b.constant("second.weight", spatial), padding: 1, name: "second")
        x = try b.add(Flatten(), x, name: "flatten")
        let fc = product(12, 160, rank: 3)
        x = try b.linear(
            x, b.constant("fc.weight", fc), b.constant("fc.bias", Tensor(repeating: Float(1), shape: [12])), name: "fc")
        x = try b.add(MatMul(), x, b.constant("mm.weight", product(12, 12, rank: 2)), name: "mm")
        return try b.graph(outputs: [x])
    }

    @Test(arguments: ["channel", "spatial"])
    func exactFactorsChangeNothing(_ mode: String) throws {
        let graph = try lowRank()
        let result = try SVDFactorization(hyperparameters: ["energy": 0.999999, "convolutions": .string(mode)])(graph)
        #expect(result.graph.parameterCount < graph.parameterCount)
        let factorized = result.findings.filter { $0.quantity == .rank }.map(\.subject)
        #expect(
            Set(factorized).isSuperset(of: [
                "fc.weight", "mm.weight", mode == "channel" ? "conv.weight" : "second.weight",
            ]))
        let samples = try TestModels.dataset(for: graph, count: 4).features[0].tensor
        let spread = try TestModels.predictions(of: graph, on: samples).flatMap { $0 }.map { abs($0) }.max() ?? 1
        #expect(try TestModels.largestDifference(graph, result.graph) < 1e-3 * spread)
    }

    /// ‖W − W_r‖² is the sum of the squared singular values left out (Eckart–Young).
    @Test func truncationErrorIsTheTail() throws {
        let graph = try TestModels.perceptron()
        let result = try SVDFactorization(hyperparameters: ["rank-fraction": 0.4, "only": ["fc1.weight"]])(graph).graph
        let (first, second) = (
            try #require(result.initializers["fc1.weight.first"]),
            try #require(result.initializers["fc1.weight.second"])
        )
        let product = Matrix(second.floats(), rows: 16, columns: 5) * Matrix(first.floats(), rows: 5, columns: 12)
        let weight = try #require(graph.initializers["fc1.weight"]).floats()
        let error = zip(weight, product.elements).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
        let values = try SingularValueDecomposition(Matrix(weight, rows: 16, columns: 12)).values
        let tail = values.dropFirst(5).reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(error - tail) < 1e-4 * tail)
    }

    @Test func layersThatWouldGrowStay() throws {
        let graph = try TestModels.perceptron()
        let result = try SVDFactorization(hyperparameters: ["energy": 1])(graph)
        #expect(result.graph.text == graph.text)
        #expect(
            result.findings.contains {
                $0.subject == "fc1.weight" && $0.status == .skipped && $0.reason.contains("parameters")
            })
    }

    @Test func moreEnergyIsNeverSmaller() throws {
        let graph = try TestModels.convolutional()
        let counts = try [0.3, 0.5, 0.7, 0.9, 1].map {
            try SVDFactorization(hyperparameters: ["energy": .number($0)])(graph).graph.parameterCount
        }
        #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 <= $1 }, "\(counts)")
    }
}
