import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// What depends on initializers alone is known with what it is made from.
@Suite struct ConstantsTests {
    /// x · (small · small + large) with names for all that is constant.
    private func sums() throws -> Graph {
        let b = GraphBuilder("sums")
        let small = b.constant("small", Tensor([2, 3] as [Float]))
        let square = try b.add(Mul(), small, small, name: "square")
        let whole = try b.add(Add(), square, b.constant("large", Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2])), name: "whole")
        return try b.graph(outputs: [b.add(Mul(), b.input("x", .float32, ["N", 3, 2]), whole, name: "y")])
    }

    @Test func originsAreTheLargestInitializers() throws {
        let graph = try sums()
        let origins = graph.constantOrigins
        #expect(origins["small"] == "small" && origins["square"] == "small" && origins["whole"] == "large")
        #expect(origins["x"] == nil && origins["y"] == nil)
        #expect(GraphIndex(graph).constantSources(of: "whole") == ["small", "square", "large"])
        #expect(GraphIndex(graph).constantSources(of: "small").isEmpty)
    }

    /// What is computed, and what lies between, has no more elements than asked for; initializers may.
    @Test func valuesAreComputedWithinLimits() throws {
        let graph = try sums()
        let index = GraphIndex(graph)
        #expect(graph.constantValue(of: "whole") == Tensor([5, 11, 7, 13, 9, 15] as [Float], shape: [3, 2]))
        #expect(index.constantValue(of: "whole", limit: 6) == graph.constantValue(of: "whole"))
        #expect(index.constantValue(of: "whole", limit: 5) == nil && index.constantValue(of: "square", limit: 5) == Tensor([4, 9] as [Float]))
        #expect(index.constantValue(of: "large", limit: 1) == graph.initializers["large"])
        #expect(graph.constantValue(of: "y") == nil && graph.constantValue(of: "x") == nil)
    }
}
