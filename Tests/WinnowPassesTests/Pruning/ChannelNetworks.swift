import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Networks of one hidden layer h of 8 channels between two matrices, with `middle` on its channels; x is (N, 6).
func network(
    _ middle: (GraphBuilder, ValueName) throws -> ValueName, width: Int = 8
) throws -> Graph {
    let b = GraphBuilder("structure")
    let x = try b.input("x", .float32, ["N", 6])
    let h = try b.add(MatMul(), x, b.constant("w1", TestModels.normal([6, 8])), name: "h")
    let m = try middle(b, h)
    return try b.graph(outputs: [b.add(MatMul(), m, b.constant("w2", TestModels.normal([width, 3], seed: 6)), name: "y")])
}

/// Channels that are gone compute what channels of zeros compute.
func expectShrunkEqualsMasked(
    _ graph: Graph, smaller names: [String], inputs: [String: Tensor]? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let shrunk = try StructuredPruning { $0.standardOnly = false }(graph).graph
    let masking = StructuredPruning { ($0.remove, $0.standardOnly) = (false, false) }
    let masked = try masking(graph).graph
    for name in names {
        let sizes = [graph, shrunk].map { $0.initializers[name]?.elementCount ?? 0 }
        #expect(sizes[1] < sizes[0], "\(name)", sourceLocation: sourceLocation)
    }
    let fed = inputs ?? ["x": TestModels.normal([5, 6], seed: 7)]
    let (a, b) = (try Session(shrunk).run(fed), try Session(masked).run(fed))
    for output in graph.outputNames {
        let (x, y) = (try #require(a[output]).doubles(), try #require(b[output]).doubles())
        #expect(x.count == y.count && zip(x, y).allSatisfy { abs($0 - $1) < 1e-4 }, sourceLocation: sourceLocation)
    }
}
