import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

struct CleanupTests {
    @Test func batchNormDisappearsAndOutputsStay() throws {
        let graph = try TestModels.residual()
        let result = try FoldBatchNorm()(graph)
        #expect(!result.graph.nodes.contains { $0.op is BatchNormalization })
        #expect(result.graph.initializers["stem.weight"] != nil, "a folded weight keeps its name")
        #expect(try TestModels.largestDifference(graph, result.graph) < 1e-4)
    }

    @Test func batchNormStaysWhereOthersReadTheConvolution() throws {
        let b = GraphBuilder("shared")
        let x = try b.input("x", .float32, ["N", 2, 4, 4])
        let y = try b.conv(x, b.constant("w", Tensor(repeating: Float(1), shape: [2, 2, 1, 1])))
        let z = try b.batchNormalization(y, name: "norm")
        let graph = try b.graph(outputs: [y, z])
        let result = try FoldBatchNorm()(graph)
        #expect(result.graph.text == graph.text)
        #expect(result.findings.contains { $0.subject == "norm" && $0.status == .skipped && !$0.reason.isEmpty })
    }

    @Test func constantSubgraphsAreComputed() throws {
        let b = GraphBuilder("constants")
        let x = try b.input("x", .float32, ["N", 2])
        let sum = try b.add(Add(), b.constant("a", Tensor([Float(1), 2])), b.constant("b", Tensor([Float(3), 4])))
        let y = try b.add(Mul(), x, b.add(Relu(), sum))
        let graph = try b.graph(outputs: [y])
        let result = try FoldConstants()(graph).graph
        #expect(result.nodes.count == 1)
        #expect(try TestModels.predictions(of: result, on: Tensor([Float(1), 1], shape: [1, 2])) == [[4, 6]])
    }

    @Test func dequantizedWeightsAreNotExpanded() throws {
        let graph = try WeightOnlyQuantization()(TestModels.perceptron()).graph
        let folded = try FoldConstants()(graph).graph
        #expect(
            folded.initializers.values.reduce(0) { $0 + $1.byteCount }
                == graph.initializers.values.reduce(0) { $0 + $1.byteCount })
    }

    @Test func identitiesAndDropoutDisappear() throws {
        let b = GraphBuilder("identity")
        let x = try b.input("x", .float32, ["N", 3])
        let first = try b.add(Identity(), x, name: "first")
        let second = try b.add(Identity(), first, name: "second")
        let y = try b.add(Relu(), second, name: "relu")
        let z = try b.dropout(y, ratio: 0.5, name: "dropout")
        let graph = try b.graph(outputs: [z])
        let result = try RemoveIdentity()(graph).graph
        #expect(result.nodes.map(\.op.type.name) == ["Relu"])
        #expect(result.outputNames == graph.outputNames, "outputs keep their names")
        #expect(try TestModels.predictions(of: result, on: Tensor([Float(-1), 0, 2], shape: [1, 3])) == [[0, 0, 2]])
    }

    @Test func anIdentityBetweenInputAndOutputStays() throws {
        let b = GraphBuilder("wire")
        let graph = try b.graph(outputs: [b.add(Identity(), b.input("x", .float32, ["N", 3]))])
        let result = try RemoveIdentity()(graph)
        #expect(result.graph.nodes.count == 1)
        #expect(result.findings.contains { $0.status == .skipped })
    }

    @Test func deadNodesDisappear() throws {
        let b = GraphBuilder("dead")
        let x = try b.input("x", .float32, ["N", 3])
        _ = try b.add(Add(), x, b.constant("unused", Tensor([Float(1), 2, 3])), name: "dead")
        let graph = try b.graph(outputs: [b.add(Relu(), x)])
        let result = try RemoveDeadNodes()(graph)
        #expect(result.graph.nodes.count == 1 && result.graph.initializers.isEmpty)
        #expect(result.findings.contains { $0.subject == "dead" && $0.status == .done })
    }
}
