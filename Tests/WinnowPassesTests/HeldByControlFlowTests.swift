import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor

@testable import WinnowPasses

/// What training does with weights around control flow, and says of them.
struct HeldByControlFlowTests {
    private func finetuned(_ graph: Graph, with passes: [any TrainingPass] = []) throws -> PassResult {
        var context = PassContext()
        context.training = try TestModels.dataset(for: graph, count: 64)
        var pass = Finetune(carrying: passes)
        (pass.epochs, pass.batchSize, pass.keepBest) = (2, 16, false)
        return try pass.apply(to: graph, in: context)
    }

    @Test(arguments: [(Zoo.branches, "If if", []), (Zoo.loop, "Loop loop", ["step"])] as [(@Sendable () throws -> Graph, String, [String])])
    func weightsThatControlFlowNeedsStayAndAreNamed(_ make: @Sendable () throws -> Graph, _ node: String, _ captured: [String]) throws {
        let graph = try make()
        let result = try finetuned(graph)
        for name in ["fc1.weight", "fc1.bias"] + captured {
            let reasons = result.findings.filter { $0.subject == name }.map(\.reason)
            #expect(reasons == ["stays as it is: \(node) behind it runs between plans"], "\(name)")
            #expect(result.graph.initializers[name] == graph.initializers[name])
        }
        #expect(result.findings.contains { $0.subject == "fc2.weight" && $0.status == .done })
        #expect(result.graph.initializers["fc2.weight"] != graph.initializers["fc2.weight"])
    }
}
