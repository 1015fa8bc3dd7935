import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowTensor

@testable import Winnow

@Suite struct ChannelBudgetTests {
    /// On a network of real widths what is left is within a point of what was asked for, whatever is counted and compared.
    @Test(arguments: ["parameters", "macs", "bytes"], ["group", "global"])
    func budgetsAreMetWithinAPoint(_ budget: String, _ scope: String) throws {
        let model = Model(try Architecture.named("resnet-20").makeGraph())
        for sparsity in [0.3, 0.5, 0.7] {
            let small = try model.applying(
                "structured-pruning", ["budget": .string(budget), "scope": .string(scope), "sparsity": .number(sparsity)]
            ).model
            let left =
                switch budget {
                case "parameters": Double(small.graph.parameterCount) / Double(model.graph.parameterCount)
                case "macs": Double(try #require(small.multiplyAccumulates)) / Double(try #require(model.multiplyAccumulates))
                default: Double(try ONNXFile.byteCount(of: small.graph)) / Double(try ONNXFile.byteCount(of: model.graph))
                }
            #expect(left <= 1 - sparsity && left > 1 - sparsity - 0.01, "\(budget) \(scope) \(sparsity): \(left)")
        }
    }
}
