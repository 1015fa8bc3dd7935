import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Values that are only looked at are what they would be as outputs, in any order of elements.
@Suite struct ObservationTests {
    private func network() throws -> Graph {
        let b = GraphBuilder("network")
        func weight(_ name: String, _ shape: Shape) -> ValueName {
            b.constant(name, Tensor((0..<shape.elementCount).map { Float($0 % 7) / 7 - 0.4 }, shape: shape))
        }
        let x = try b.input("x", .float32, ["N", 1, 12, 12])
        let first = try b.relu(b.conv(x, weight("w1", [8, 1, 3, 3]), weight("b1", [8])))
        let second = try b.add(b.conv(first, weight("w2", [8, 8, 3, 3]), weight("b2", [8]), padding: 1), first)
        let third = try b.relu(second)
        let flat = try b.add(Flatten(), b.maxPool(third, size: 2))
        let result = try b.linear(flat, weight("w3", [16, 200]), weight("b3", [16]))
        return try b.graph(outputs: [first, second, third, flat, result])
    }

    @Test(arguments: [true, false]) func observedValuesAreThoseOfOutputs(lowers: Bool) throws {
        let graph = try network()
        let options = SessionOptions(lowers: lowers)
        let x = Tensor((0..<288).map { Float($0 % 31) / 31 - 0.5 }, shape: [2, 1, 12, 12])
        let outputs = try Session(graph, options: options).run(["x": x])
        let plan = try Session(graph, observed: Set(graph.outputs.dropLast()), options: options).plan(for: ["x": x.shape])
        try plan.setInput("x", x)
        var seen: [ValueName: [Float]] = [:]
        try plan.execute { seen[$0] = [Float]($1.bindMemory(to: Float.self)) }
        #expect(seen.count == graph.outputs.count - 1)
        for (name, values) in seen { #expect(values.sorted() == outputs[name]?.floats().sorted(), "\(name)") }
        #expect(plan.output(graph.outputs[0]) == nil)
        #expect(plan.output(graph.outputs[4]) == outputs[graph.outputs[4]])
    }

    /// A value after the plan splits, an input seen through a view, and a constant.
    @Test func everyKindOfValueIsObserved() throws {
        let b = GraphBuilder("kinds")
        let x = try b.input("x", .float32, [2, 3])
        let view = try b.add(Flatten(), x)
        let constant = try b.relu(b.constant("c", Tensor([1, -1] as [Float])))
        let places = try b.add(Transpose([1, 0]), b.add(NonZero(), x))
        let chosen = try b.add(Cast(to: .float32), places)
        let graph = try b.graph(outputs: [view, constant, chosen])
        let plan = try Session(graph, observed: Set(graph.outputs)).plan(for: ["x": [2, 3]])
        try plan.setInput("x", Tensor([0, 1, 2, 0, 0, 3] as [Float], shape: [2, 3]))
        var seen: [ValueName: [Float]] = [:]
        try plan.execute { seen[$0] = [Float]($1.bindMemory(to: Float.self)) }
        #expect(seen == [view: [0, 1, 2, 0, 0, 3], constant: [1, 0], chosen: [0, 1, 0, 2, 1, 2]])
    }

    /// Values without elements, which no step computes, are seen as such beside others.
    @Test func valuesWithoutElementsAreObserved() throws {
        let b = GraphBuilder("empty")
        let x = try b.input("x", .float32, ["N", 3])
        let nothing = try b.add(MatMul(), x, b.constant("w", Tensor([] as [Float], shape: [3, 0])))
        let doubled = try b.add(Add(), x, x)
        let graph = try b.graph(outputs: [nothing, doubled])
        let plan = try Session(graph, observed: Set(graph.outputs)).plan(for: ["x": [2, 3]])
        try plan.setInput("x", Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3]))
        var seen: [ValueName: [Float]] = [:]
        try plan.execute { seen[$0] = [Float]($1.bindMemory(to: Float.self)) }
        #expect(seen == [nothing: [], doubled: [0, 2, 4, 6, 8, 10]])
    }
}
