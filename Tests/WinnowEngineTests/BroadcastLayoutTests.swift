import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// What is broadcast means the same whatever layout images come in: between two pools, and by itself.
struct BroadcastLayoutTests {
    private static let shapes: [(image: Shape, other: Shape)] = [
        ([2, 2, 4], [2, 4]), ([2, 3, 4], [3, 1]), ([2, 3, 4], [4]), ([2, 3, 4], [3, 4]), ([1, 3, 4], [2, 3, 4]), ([2, 3, 4, 5], [4, 5]),
        ([2, 3, 4, 5], [3, 4, 5]), ([2, 3, 4, 5], [3, 1, 1]), ([2, 3, 4, 5], [3, 4, 1]), ([2, 3, 4, 5], [4, 1]), ([2, 3, 4, 5], [5]),
        ([2, 3, 4, 5], [1, 1, 4, 5]), ([2, 3, 4, 5], []), ([2, 2, 3, 2, 3], [2, 3, 2, 3]), ([2, 2, 3, 2, 3], [3, 2, 3]),
    ]

    private func tensor(_ shape: Shape, _ seed: UInt64) -> Tensor {
        var random = RandomGenerator(seed: seed)
        return Tensor((0..<shape.elementCount).map { _ in random.normal() }, shape: shape)
    }

    private func graph(_ image: Shape, _ other: Shape, pooled: Bool, _ op: (GraphBuilder, ValueName, ValueName) throws -> ValueName) throws -> Graph {
        let b = GraphBuilder("broadcast")
        let x = try b.input("x", .float32, image.map { .fixed($0) })
        let y = try b.input("y", .float32, other.map { .fixed($0) })
        let one = Window(size: 1, rank: image.rank - 2)
        let result = try op(b, pooled ? b.add(MaxPool(window: one), x) : x, y)
        return try b.graph(outputs: [pooled ? b.add(MaxPool(window: one), result) : result])
    }

    @Test(arguments: ["add", "subtract", "multiply", "greatest", "where", "prelu"]) func operandsOfLowerRankMeetTheSameElements(_ name: String) throws {
        let operations: [String: @Sendable (GraphBuilder, ValueName, ValueName) throws -> ValueName] = [
            "add": { b, x, y in try b.add(Add(), x, y) }, "subtract": { b, x, y in try b.add(Sub(), y, x) },
            "multiply": { b, x, y in try b.add(Mul(), x, y) }, "greatest": { b, x, y in try b.add(Max(), x, y) },
            "where": { b, x, y in try b.add(Where(), b.add(Greater(), x, b.constant("limit", Tensor(scalar: Float(0)))), x, y) },
            "prelu": { b, x, y in try b.add(PRelu(), x, y) },
        ]
        let operation = try #require(operations[name])
        for (index, (image, other)) in Self.shapes.enumerated() where name != "prelu" || image.broadcast(with: other) == image {
            let inputs = ["x": tensor(image, UInt64(index)), "y": tensor(other, UInt64(index + 100))]
            let (pooled, plain) = (try graph(image, other, pooled: true, operation), try graph(image, other, pooled: false, operation))
            let a = try #require(Session(pooled).run(inputs)[pooled.outputNames[0]])
            let b = try #require(Session(plain).run(inputs)[plain.outputNames[0]])
            #expect(a == b, "\(name) of \(image) and \(other)")
        }
    }

    /// Which axes go is not known before the extents are.
    @Test(arguments: [1, 2]) func squeezeOfOpenExtents(_ count: Int) throws {
        let b = GraphBuilder("squeeze")
        let x = try b.input("x", .float32, ["N", 3, 1])
        let flat = try b.add(Squeeze(), inputs: [x])[0]
        let graph = try b.graph(outputs: [b.add(Identity(), flat)])
        let y = try #require(Session(graph).run(["x": tensor([count, 3, 1], 3)])[graph.outputNames[0]])
        #expect(y.shape == (count == 1 ? [3] : [2, 3]))
    }
}
