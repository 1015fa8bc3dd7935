#if os(Linux)
import CAllocationCounter
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

@Suite(.serialized) struct AllocationTests {
    /// A convolutional classifier with pooling, a residual and two linear layers.
    private func network() throws -> Graph {
        let b = GraphBuilder("network")
        func weight(_ name: String, _ shape: Shape) -> ValueName {
            b.constant(name, Tensor((0..<shape.elementCount).map { Float($0 % 7) / 7 - 0.4 }, shape: shape))
        }
        var x = try b.input("x", .float32, ["N", 1, 12, 12])
        let first = try b.relu(b.conv(x, weight("w1", [8, 1, 3, 3]), weight("b1", [8])))
        x = try b.relu(b.add(b.conv(first, weight("w2", [8, 8, 3, 3]), weight("b2", [8]), padding: 1), first))
        x = try b.add(Flatten(), b.maxPool(x, size: 2))
        let hidden = try b.relu(b.linear(x, weight("w3", [16, 200]), weight("b3", [16])))
        x = try b.add(Softmax(), b.linear(hidden, weight("w4", [4, 16]), weight("b4", [4])))
        return try b.graph(outputs: [x])
    }

    private func allocations(_ body: () throws -> Void) rethrows -> Int {
        winnow_count_allocations_begin()
        defer { _ = winnow_count_allocations_end() }
        try body()
        return winnow_count_allocations_end()
    }

    /// Kept where the optimizer cannot put it on the stack.
    nonisolated(unsafe) private static var kept: [[Int]] = []

    @Test func theCounterCounts() {
        let count = allocations { Self.kept.append([Int](repeating: 1, count: .random(in: 100...200))) }
        #expect(count >= 1)
    }

    /// oneDNN's own bookkeeping inside `dnnl_primitive_execute` is not the engine's and not counted.
    /// Without the optimizer the language itself allocates.
    @Test(.disabled(if: _isDebugAssertConfiguration()), arguments: [true, false], [1, 64]) func executingAllocatesNothing(_ lowers: Bool, _ batch: Int) throws {
        let session = try Session(network(), options: SessionOptions(lowers: lowers))
        let plan = try session.plan(for: ["x": [batch, 1, 12, 12]])
        try plan.execute()
        #expect(try allocations { for _ in 0..<20 { try plan.execute() } } == 0)
    }
}
#endif
