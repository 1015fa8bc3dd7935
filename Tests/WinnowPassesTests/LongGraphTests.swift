import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Graphs whose branches meet again at every node, so that there are 2ⁿ ways through them, and graphs that are very long.
struct LongGraphTests {
    private static let length = 50_000

    /// A graph that gives a value which `build` makes of x.
    private static func made(_ build: (GraphBuilder, ValueName) throws -> ValueName) throws -> (graph: Graph, value: ValueName) {
        let b = GraphBuilder("long")
        let value = try build(b, b.input("x", .float32, ["N", 4]))
        return (try b.graph(outputs: [value]), value)
    }

    private static func doubled(_ start: ValueName, _ op: any Operator, count: Int = 60, _ b: GraphBuilder) throws -> ValueName {
        try (0..<count).reduce(start) { value, _ in try b.add(op, value, value) }
    }

    @Test(.timeLimit(.minutes(1))) func constantsOfDoublingChainsAreKnown() throws {
        let (graph, _) = try Self.made { b, x in try b.add(Add(), x, Self.doubled(b.constant("c", TestModels.normal([2, 4])), Add(), b)) }
        let parameters = Parameters(graph)
        #expect(parameters.entries.map(\.tensor) == ["c"] && parameters.constantNodes.count == 60)
        #expect(parameters.origins.values.allSatisfy { $0 == ["c"] })
    }

    @Test(.timeLimit(.minutes(1))) func boundsOfDoublingChainsAreKnown() throws {
        let (mean, value) = try Self.made { b, x in try Self.doubled(b.add(Sigmoid(), x), Mean(), b) }
        #expect(GraphIndex(mean).liesInUnitInterval(value))
        let (sum, whole) = try Self.made { b, x in try Self.doubled(b.add(Softmax(), x), Add(), b) }
        #expect(GraphIndex(sum).probabilities(of: whole)?.axes == 1..<2)
        let (other, none) = try Self.made { b, x in try Self.doubled(b.add(Tanh(), x), Mean(), b) }
        #expect(!GraphIndex(other).liesInUnitInterval(none) && GraphIndex(other).probabilities(of: none) == nil)
    }

    @Test(.timeLimit(.minutes(1))) func signsOfBranchesThatMeetAreKnown() throws {
        let (graph, value) = try Self.made { b, x in
            try (0..<11).reduce(b.add(Relu(), x)) { value, _ in try b.add(Concat(axis: 1), inputs: [ValueName](repeating: value, count: 8))[0] }
        }
        #expect(GraphIndex(graph).isNeverNegative(value))
        let (other, none) = try Self.made { b, x in
            let last = try b.add(Tanh(), x)
            return try (0..<11).reduce(last) { value, _ in try b.add(Add(), value, value) }
        }
        #expect(!GraphIndex(other).isNeverNegative(none))
    }

    @Test(.timeLimit(.minutes(5))) func longChainsAreFollowed() throws {
        let (bounded, value) = try Self.made { b, x in
            try (0..<Self.length).reduce(b.add(Sigmoid(), x)) { value, _ in try b.add(Identity(), value) }
        }
        #expect(GraphIndex(bounded).liesInUnitInterval(value))
        let (probable, other) = try Self.made { b, x in
            try (0..<Self.length).reduce(b.add(Softmax(), x)) { value, _ in try b.add(Identity(), value) }
        }
        #expect(GraphIndex(probable).probabilities(of: other)?.axes == 1..<2)
        let (constant, _) = try Self.made { b, x in
            let start = b.constant("c", TestModels.normal([100, 60]))
            let last = try (0..<Self.length).reduce(start) { value, _ in try b.add(Identity(), value) }
            return try b.add(MatMul(), x, b.add(Reshape(), last, b.constant("s", Tensor([4, 1500] as [Int64]))))
        }
        #expect(Parameters(constant).entries.map(\.tensor) == ["c"])
    }

    /// Products of so many factors are no activation.
    @Test(.timeLimit(.minutes(5))) func longProductsAreLeftAlone() throws {
        let (graph, _) = try Self.made { b, x in
            let half = b.constant("half", Tensor(scalar: Float(0.5)))
            return try (0..<Self.length).reduce(x) { value, _ in try b.add(Mul(), value, half) }
        }
        let last = try #require(graph.nodes.last)
        #expect(try last.op.lowering(of: last, in: GraphIndex(graph)) == nil)
    }

    /// A mean over channels on so many ways back to them.
    @Test(.timeLimit(.minutes(1))) func waysOfMeansThatMeetAreFollowed() throws {
        let counts = try [1, 16].map { branches in
            let (graph, _) = try Self.made { b, x in
                let wide = try b.linear(x, b.constant("w1", TestModels.normal([16, 4])), name: "fc1")
                let mean = try b.add(ReduceMean(), wide, b.constant("axes", Tensor([1] as [Int64])))
                let last = try (0..<7).reduce(mean) { value, _ in
                    try b.add(Sum(), inputs: (0..<branches).map { _ in try b.add(Tanh(), value) })[0]
                }
                return try b.linear(b.add(Sub(), wide, last), b.constant("w2", TestModels.normal([3, 16])), name: "fc2")
            }
            return Parameters(try StructuredPruning(hyperparameters: ["sparsity": 0.5])(graph).graph).count
        }
        #expect(counts[0] == counts[1])
    }

    /// Layers with so many nodes between them that only pass factors on.
    @Test(.timeLimit(.minutes(5))) func longWaysOfFactorsAreFollowed() throws {
        let (graph, _) = try Self.made { b, x in
            let first = try b.linear(x, b.constant("w1", TestModels.normal([6, 4])), name: "fc1")
            let last = try (0..<Self.length / 2).reduce(first) { value, _ in try b.add(Relu(), value) }
            return try b.linear(last, b.constant("w2", TestModels.normal([3, 6])), name: "fc2")
        }
        let found = ScalableChannels.all(in: graph, replacesClips: false).found
        #expect(found.map(\.node.name).contains("fc1"))
    }

    /// What stands in the order of a rank is followed back to what determines it, however far that is.
    @Test func ranksFarBehindAreFollowed() throws {
        let (graph, _) = try Self.made { b, x in
            let scores = try b.add(Tanh(), x, name: "scores")
            var value = try b.add(TopK(axis: 1), inputs: [scores, b.constant("k", Tensor([Int64(2)]))], outputs: 2)[0]
            for _ in 0..<Self.length { value = try b.negate(value) }
            return value
        }
        let determining = ComparableValues(graph).determiningOutputs
        #expect(determining.count == 1 && GraphIndex(graph).producer(of: determining.first)?.name == "scores")
    }
}
