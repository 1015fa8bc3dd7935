import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowEngine

/// Samples that do not see each other go through a graph some at a time, where their values would leave the cache.
@Suite struct SamplePartsTests {
    /// Wide maps of few channels, of which one sample fills 3 MB.
    private func network(_ end: (GraphBuilder, ValueName) throws -> ValueName = { $1 }) throws -> Graph {
        let b = GraphBuilder("wide")
        func weight(_ name: String, _ shape: Shape) -> ValueName {
            b.constant(name, Tensor((0..<shape.elementCount).map { Float($0 % 7) / 7 - 0.4 }, shape: shape))
        }
        let x = try b.input("x", .float32, ["N", 3, 128, 128])
        let first = try b.relu(b.conv(x, weight("w1", [24, 3, 3, 3]), weight("b1", [24]), padding: 1))
        let second = try b.add(Sigmoid(), b.conv(first, weight("w2", [24, 24, 3, 3]), weight("b2", [24]), padding: 1))
        let flat = try b.add(Flatten(), b.maxPool(b.add(Add(), first, second), size: 32))
        return try b.graph(outputs: [end(b, b.linear(flat, weight("w3", [10, 384]), weight("b3", [10])))])
    }

    private func input(_ count: Int) -> Tensor {
        let values = (0..<count * 49_152).map { place -> Float in Float(place % 37) * 0.03 - Float(place % 11) * 0.05 }
        return Tensor(values, shape: [count, 3, 128, 128])
    }

    @Test func partsGiveWhatAllGiveAtOnce() throws {
        let graph = try network()
        let session = try Session(graph)
        let plan = try session.plan(for: ["x": [8, 3, 128, 128]])
        #expect(plan.partCount > 1)
        let whole = try Plan(graph.lowered(), inputShapes: ["x": [8, 3, 128, 128]])
        try whole.setInput("x", input(8))
        try whole.execute()
        let (own, all) = try (session.run(["x": input(8)])[graph.outputs[0]], whole.output(graph.outputs[0]))
        let (a, b) = (try #require(own), try #require(all))
        #expect(a.shape == [8, 10] && b.shape == a.shape && plan.arenaByteCount < whole.arenaByteCount)
        #expect(zip(a.floats(), b.floats()).allSatisfy { abs($0 - $1) < 1e-4 })
        // One sample alone, and a number of them that only 1 divides.
        #expect(try session.plan(for: ["x": [1, 3, 128, 128]]).partCount == 1)
        let seven = try #require(try session.run(["x": input(7)])[graph.outputs[0]])
        #expect(zip(seven.floats(), b.floats()).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    /// What looks at all samples, counts them or knows their places.
    @Test func samplesThatSeeEachOtherStayTogether() throws {
        let ends: [(GraphBuilder, ValueName) throws -> ValueName] = [
            { try $0.add(Softmax(axis: 0), $1) },
            { try $0.add(CumSum(), $1, $0.constant("axis", Tensor(scalar: Int64(0)))) },
            { b, x in try b.add(MatMul(), x, b.add(Transpose([1, 0]), x)) },
            { b, x in try b.add(Sub(), x, b.add(ReduceMean(ReductionParameters(axes: [0], keepsAxes: true)), x)) },
            { b, x in try b.add(Reshape(), x, b.constant("shape", Tensor([-1] as [Int64]))) },
            { b, x in
                let count = try b.add(Cast(to: .float32), b.add(ShapeOf(start: 0, end: 1), x))
                return try b.add(Div(), x, count)
            },
            { b, x in
                let count = try b.add(Squeeze(), b.add(ShapeOf(start: 0, end: 1), x))
                let places = try b.add(
                    NumberRange(), b.constant("start", Tensor(scalar: Int64(0))), count, b.constant("step", Tensor(scalar: Int64(1))))
                let column = try b.add(Unsqueeze(), places, b.constant("axes", Tensor([1] as [Int64])))
                return try b.add(Add(), x, b.add(Cast(to: .float32), column))
            },
            { b, x in try b.add(Add(), x, b.add(RandomNormalLike(RandomDistribution(isNormal: true, first: 0, second: 1)), x)) },
            { b, x in try b.add(Add(), x, b.add(Bernoulli(), b.constant("half", Tensor([Float](repeating: 0.5, count: 10), shape: [1, 10])))) },
            { b, x in
                let codes = try b.add(DynamicQuantizeLinear(), inputs: [x], outputs: 3)
                return try b.add(DequantizeLinear(), codes[0], codes[1], codes[2])
            },
        ]
        #expect(SampleAxes(of: try network()).areIndependent(in: try network()))
        for (place, end) in ends.enumerated() {
            let graph = try network(end)
            #expect(!SampleAxes(of: graph).areIndependent(in: graph), "\(place)")
            #expect(try Session(graph).plan(for: ["x": [8, 3, 128, 128]]).partCount == 1, "\(place)")
        }
    }

    /// Many constants are worth reading once for many samples, and values that stay in the cache gain nothing.
    @Test func fewSamplesAtATimeMustPay() throws {
        func size(wide: Int, constants: Int, of count: Int, least: Int = 1) throws -> Int {
            let b = GraphBuilder("chain")
            let x = try b.input("x", .float32, ["N", .fixed(wide / 4)])
            let shift = b.constant("w", Tensor(zeros: [1, 1]))
            _ = b.constant("rest", Tensor(zeros: [constants / 4]))
            let graph = try b.graph(outputs: [b.add(Add(), b.relu(b.relu(x)), shift)])
            return try SampleParts(
                of: graph, inputTypes: ["x": ValueType(.float32, [.fixed(count), .fixed(wide / 4)])], sampleCount: count
            ).size(of: count, least: least)
        }
        #expect(try size(wide: 1 << 20, constants: 4, of: 2) == 2)
        #expect(try size(wide: 1 << 20, constants: 4, of: 16) == 4)
        #expect(try size(wide: 1 << 20, constants: 4, of: 16, least: 8) == 16)
        #expect(try size(wide: 1 << 20, constants: 4, of: 13) == 1)
        #expect(try size(wide: 1 << 20, constants: 64 << 20, of: 16) == 16)
        #expect(try size(wide: 32 << 20, constants: 4, of: 4) == 4)
    }
}
