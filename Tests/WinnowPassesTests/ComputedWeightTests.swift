import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct ComputedWeightTests {
    /// Of a weight that nodes put together, each part is told of.
    @Test(arguments: [WeightOnlyQuantization(), MagnitudePruning(), SVDFactorization()] as [any Pass])
    func partsOfJoinedWeightsAreNamed(_ pass: any Pass) throws {
        let b = GraphBuilder("joined")
        let x = try b.input("x", .float32, ["N", 8])
        let parts = [b.constant("large", TestModels.normal([6, 8])), b.constant("small", TestModels.normal([2, 8]))]
        let weight = try b.add(Concat(axis: 0), inputs: parts)[0]
        let graph = try b.graph(outputs: [b.add(MatMul(), x, b.multiply(weight, b.constant("factor", Tensor(scalar: Float(2))))), x])
        let findings = try pass(graph).findings
        for part in ["large", "small"] {
            #expect(findings.contains { $0.subject == part && $0.status == .skipped && $0.reason.contains("fold-constants") }, "\(part)")
        }
    }

    /// Toward itself a model learns nothing, which is said; not where a pass changed it or trains along.
    @Test func finetuneTellsWhereNothingIsToLearn() throws {
        let model = try TestModels.perceptron()
        var context = try TestModels.context(for: model)
        let training = try #require(context.training)
        context.training = try Dataset(training.features)
        context.validation = nil
        var pass = Finetune()
        pass.epochs = 1
        func tells(_ pass: Finetune, of graph: Graph) throws -> Bool {
            var context = context
            context.teacher = model
            return try pass.apply(to: graph, in: context).findings.contains { $0.reason.contains("leaves nothing to learn") }
        }
        #expect(try tells(pass, of: model))
        #expect(try !tells(pass, of: SVDFactorization(hyperparameters: ["rank": 1])(model).graph))
        pass = Finetune(carrying: [GradualPruning()])
        pass.epochs = 1
        #expect(try !tells(pass, of: model))
    }
}
