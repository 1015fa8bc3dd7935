import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

@testable import WinnowPasses

struct RankRegularizationTests {
    /// Singular values become smaller by one amount, and the vectors stay.
    @Test(arguments: [(5, 8), (8, 5), (6, 6), (1, 4)]) func valuesShrinkByOneAmount(_ rows: Int, _ columns: Int) throws {
        let matrix = Matrix(TestModels.normal([rows, columns]).floats(), rows: rows, columns: columns)
        let before = try SingularValueDecomposition(matrix)
        for amount in [0, before.values[before.values.count / 2] * 0.999, 100] as [Float] {
            let reduced = try matrix.reducingSingularValues(by: amount)
            let after = try SingularValueDecomposition(reduced).values
            #expect(zip(after, before.values).allSatisfy { abs($0 - max(0, $1 - amount)) < 1e-4 })
            // The proximal point: W − X is in the subdifferential of τ·‖X‖_*, so ⟨W − X, X⟩ = τ·‖X‖_*.
            let product = zip(matrix.elements, reduced.elements).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.1) }
            #expect(abs(product - Double(amount) * after.reduce(0) { $0 + Double($1) }) < 1e-2)
        }
    }

    /// After it, the same energy is in lower ranks than after training alone; convolutions in groups too.
    @Test func ranksFall() throws {
        for graph in [try TestModels.perceptron(), try TestModels.convolutional(), try TestModels.residual()] {
            let context = try TestModels.context(for: graph, seed: 1)
            func ranks(_ strength: Double) throws -> [ValueName: Double] {
                var pass = Finetune(carrying: [try RankRegularization(hyperparameters: ["strength": .number(strength), "interval": 3])])
                (pass.epochs, pass.batchSize, pass.keepBest, pass.learningRate) = (4, 32, false, 1e-3)
                let result = try pass(graph, in: context)
                try WrittenModels.keep(result.graph, "passes", "rank-regularization \(strength) \(graph.name)")
                return Dictionary(
                    result.findings.compactMap { finding in finding.quantity == .rank ? finding.after.map { (finding.subject, $0) } : nil },
                    uniquingKeysWith: { $1 })
            }
            let (weak, strong) = (try ranks(1e-6), try ranks(0.5))
            #expect(weak.keys == strong.keys && !weak.isEmpty)
            #expect(strong.values.reduce(0, +) < weak.values.reduce(0, +), "\(graph.name): \(weak) \(strong)")
            #expect(try ranks(0).isEmpty)
        }
    }

    /// Matrices side by side and those of Einsums lose singular values too; what has none is told.
    @Test func otherProducts() throws {
        let b = GraphBuilder("experts")
        var x = try b.input("x", .float32, ["N", 3, 8])
        x = try b.add(Transpose([1, 0, 2]), x)
        x = try b.add(MatMul(), x, b.constant("experts", TestModels.normal([3, 8, 8])), name: "experts")
        x = try b.add(Transpose([1, 2, 0]), x)
        x = try b.add(Einsum("nde,deo->no"), x, b.constant("joined", TestModels.normal([8, 3, 4])), name: "join")
        x = try b.add(Einsum("no,po->no"), x, b.constant("factors", TestModels.normal([2, 4])), name: "scale")
        let graph = try b.graph(outputs: [x])
        let context = try TestModels.context(for: graph, seed: 1)
        var pass = Finetune(carrying: [try RankRegularization(hyperparameters: ["strength": 0.9, "interval": 3])])
        (pass.epochs, pass.batchSize, pass.keepBest, pass.learningRate) = (2, 32, false, 1e-4)
        let result = try pass(graph, in: context)
        let ranks = result.findings.filter { $0.quantity == .rank }
        #expect(Set(ranks.map(\.subject)) == ["experts", "joined"] && ranks.allSatisfy { $0.after ?? 9 < $0.before ?? 0 }, "\(result.findings)")
        #expect(result.findings.contains { $0.subject == "factors" && $0.status == .skipped && $0.reason.contains("that the data has not") })
    }
}
