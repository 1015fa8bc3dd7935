import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowEngine

/// Planning takes time in proportion to the graph.
@Suite(.disabled(if: _isDebugAssertConfiguration())) struct PlanningTimeTests {
    enum Form: CaseIterable { case chain, parallel, products, decompositions, bypassed, afterContents }

    @Test(arguments: Form.allCases) func twentyThousandNodesInTwoSeconds(_ form: Form) throws {
        let graph = try Self.graph(form, count: form == .decompositions ? 5_000 : 20_000)
        let start = ContinuousClock.now
        let results = try Session(graph).run(["x": .sample])
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(results.count == 1)
    }

    private static func graph(_ form: Form, count: Int) throws -> Graph {
        let b = GraphBuilder("long")
        let x = try b.input("x", .float32, [2, 2])
        var value = x
        switch form {
        case .chain: for _ in 0..<count { value = try b.add(Relu(), value) }
        case .parallel:
            let parts = try (0..<count).map { _ in try b.add(Tanh(), x) }
            value = try b.add(Concat(axis: 0), inputs: parts)[0]
        case .products:
            let w = b.constant("w", Tensor([Float(0), 1, 1, 0], shape: [2, 2]))
            for _ in 0..<(count / 4) { value = try b.add(Gemm(), value, w) }
        case .decompositions: for _ in 0..<count { value = try b.add(Hardmax(), value) }
        case .bypassed: for _ in 0..<count { value = try b.add(Identity(), value) }
        case .afterContents:
            // What NonZero gives is known only when it has run.
            value = try b.add(Cast(to: .float32), b.add(NonZero(), x))
            for _ in 0..<count { value = try b.add(Relu(), value) }
        }
        return try b.graph(outputs: [value])
    }
}

extension Tensor {
    fileprivate static var sample: Tensor { Tensor([Float(1), -1, 2, 0.5], shape: [2, 2]) }
}
