import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowEngine

/// Neighbouring elementwise steps run as one loop and give what each gives by itself.
@Suite struct ElementLoopTests {
    /// Elementwise work in which values are read again later, drawn from `seed`; every value of `outputs` is kept.
    private func graph(_ seed: Int, count: Int) throws -> Graph {
        var random = RandomGenerator(seed: UInt64(seed))
        let b = GraphBuilder("loop")
        var values = [try b.input("x", .float32, [.fixed(count)]), try b.input("y", .float32, [.fixed(count)])]
        let factor = b.constant("factor", Tensor(scalar: Float(0.75)))
        for _ in 0..<12 {
            func drawn() -> ValueName { values[values.count - 1 - Int(random.next() % UInt64(min(4, values.count)))] }
            let value = switch random.next() % 6 {
            case 0: try b.add(Tanh(), drawn())
            case 1: try b.add(Sigmoid(), drawn())
            case 2: try b.add(Abs(), drawn())
            case 3: try b.add(Add(), drawn(), drawn())
            case 4: try b.add(Mul(), drawn(), factor)
            default: try b.add(Sub(), drawn(), drawn())
            }
            values.append(value)
        }
        return try b.graph(outputs: [values[values.count - 1], values[values.count - 5]])
    }

    @Test(arguments: 0..<40, [1, 16_384, 16_385, 140_000]) func oneLoopGivesWhatStepsGive(seed: Int, count: Int) throws {
        let graph = try graph(seed, count: count)
        func values(_ seed: UInt64) -> Tensor {
            var random = RandomGenerator(seed: seed)
            return Tensor((0..<count).map { _ in random.normal() }, shape: [count])
        }
        let plan = try Plan(graph)
        let inputs = ["x": values(1), "y": values(2)]
        for (name, tensor) in inputs { try plan.setInput(name, tensor) }
        try plan.execute()
        let together = graph.outputs.map { plan.output($0)?.floats() }
        for (name, tensor) in inputs { try plan.setInput(name, tensor) }
        for step in plan.steps { try step.execute() }
        #expect(graph.outputs.map { plan.output($0)?.floats() } == together)
        #expect(plan.loops.map(\.count).max() ?? 0 > 1)
        #expect(plan.loops.flatMap { $0 } == Array(plan.steps.indices))
    }

    @Test func broadcastRowsKeepALoopOfTheirOwn() throws {
        let b = GraphBuilder("rows")
        let x = try b.input("x", .float32, [4, 8])
        let row = b.constant("row", Tensor((0..<8).map(Float.init)))
        let y = try b.add(Tanh(), b.add(Add(), b.add(Abs(), x), row))
        #expect(try Plan(b.graph(outputs: [y])).loops.count == 3)
    }
}
