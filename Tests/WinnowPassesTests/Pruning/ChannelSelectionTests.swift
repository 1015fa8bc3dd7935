import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Channels that are read in another order, several times or not at all go where all that read them go.
struct ChannelSelectionTests {
    private func list(_ b: GraphBuilder, _ numbers: [Int]) -> ValueName { b.constant("list", Tensor(numbers.map { Int64($0) })) }

    private func gather(_ b: GraphBuilder, _ h: ValueName, _ indices: [Int]) throws -> ValueName {
        try b.add(Gather(axis: 1), h, b.constant("chosen", Tensor(indices.map { Int64($0) })))
    }

    @Test(arguments: [[3, 0, 7, 5, 1, 2, 6, 4], [-1, -2, -3, -4, -5, -6, -7, -8], [0, 0, 1, 1, 2, 3, 4, 5, 6, 7], [6, 1, 1, 5, -8], [2, 3]])
    func gatheredChannelsFollow(_ indices: [Int]) throws {
        let graph = try network({ b, h in try gather(b, b.add(Relu(), h), indices) }, width: indices.count)
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"])
    }

    @Test func permutationsLoseHalfOfTheirIndices() throws {
        let graph = try network { b, h in try gather(b, h, [3, 0, 7, 5, 1, 2, 6, 4]) }
        let result = try StructuredPruning()(graph)
        #expect(["w1", "w2"].map { result.graph.initializers[$0]?.shape } == [[6, 4], [4, 3]])
        let indices = result.graph.nodes.first { $0.op is Gather }.flatMap { result.graph.initializers[$0.inputs[1]] }
        #expect(indices?.integers().sorted() == [0, 1, 2, 3])
        #expect(result.findings.first { $0.subject == "w1" }?.after == 4)
    }

    /// What a permutation does to channels is added to what they were: each goes with all that meet it.
    @Test func ordersMeetTheChannelsThatTheyOrder() throws {
        let swapped = try network { b, h in try b.add(Add(), h, gather(b, h, [1, 0, 3, 2, 5, 4, 7, 6])) }
        try expectShrunkEqualsMasked(swapped, smaller: ["w1", "w2"])
        let turned = try network { b, h in try b.add(Add(), h, gather(b, h, [1, 2, 3, 4, 5, 6, 7, 0])) }
        #expect(try StructuredPruning()(turned).graph.initializers == turned.initializers)
    }

    /// Two choices of one layer's channels: whichever there are, both keep some.
    @Test(arguments: [[0, 2, 4, 6], [0, 1, 2, 3], [5, 4, 3, 1]]) func choicesKeepChannelsOfTheirOwn(_ first: [Int]) throws {
        let graph = try network({ b, h in
            let parts = try [gather(b, h, first), gather(b, h, (0..<8).filter { !first.contains($0) })]
            return try b.add(Mul(), parts[0], b.add(Sigmoid(), parts[1]))
        }, width: 4)
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"])
        let joined = try network { b, h in
            try b.add(Concat(axis: 1), inputs: [gather(b, h, Array(first.reversed())), gather(b, h, [7, 3, 1, 0])])[0]
        }
        try expectShrunkEqualsMasked(joined, smaller: ["w1", "w2"])
    }

    /// The only channel that a layer looks at stays; those that none looks at go like others.
    @Test func everyChoiceKeepsSomething() throws {
        let graph = try network({ b, h in
            try b.add(Concat(axis: 1), inputs: [gather(b, h, [0, 0]), gather(b, h, [5, 6])])[0]
        }, width: 4)
        let shrunk = try StructuredPruning { $0.sparsity = 0.99 }(graph).graph
        #expect(shrunk.initializers["w1"]?.shape == [6, 3])
        #expect(try Session(shrunk).run(["x": TestModels.normal([5, 6], seed: 7)])["y"]?.shape == [5, 3])
    }

    /// One list of indices for two layers, of which only one may change.
    @Test func sharedIndicesAreCopied() throws {
        let graph = try network { b, h in
            let order = b.constant("order", Tensor([1, 0, 3, 2, 5, 4, 7, 6].map { Int64($0) }))
            let table = b.constant("table", TestModels.normal([8, 8], seed: 3))
            let fixed = try b.add(Softmax(axis: 1), b.add(MatMul(), h, b.add(Gather(axis: 1), table, order)))
            let other = try b.add(MatMul(), fixed, b.constant("w", TestModels.normal([8, 8], seed: 4)))
            return try b.add(Add(), b.add(Gather(axis: 1), other, order), b.add(Gather(axis: 1), h, order))
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w", "w2"])
    }

    @Test(arguments: [(-1, -100, -1, 8), (0, 8, 3, 3), (5, 1, -2, 2), (1, 8, 3, 3)])
    func slicesInAnyStepsFollow(_ start: Int, _ end: Int, _ step: Int, _ width: Int) throws {
        let graph = try network({ b, h in
            try b.add(Slice(), h, list(b, [start]), list(b, [end]), list(b, [1]), list(b, [step]))
        }, width: width)
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"])
    }

    @Test func elementsGatheredInOneOrderFollow() throws {
        let b = GraphBuilder("elements")
        let x = try b.input("x", .float32, [2, 3, 4, 4])
        let h = try b.conv(x, b.constant("w1", TestModels.normal([8, 3, 3, 3])), padding: 1)
        let order = [3, 0, 7, 5, 1, 2, 6, 4]
        let places = b.constant("places", Tensor((0..<256).map { Int64(order[$0 / 16 % 8]) }, shape: [2, 8, 4, 4]))
        let turned = try b.add(GatherElements(axis: 1), h, places)
        let graph = try b.graph(outputs: [b.conv(turned, b.constant("w2", TestModels.normal([2, 8, 1, 1], seed: 3)))])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"], inputs: ["x": TestModels.normal([2, 3, 4, 4])])
    }

    /// Whole heads that are chosen among others.
    @Test func chosenHeadsFollow() throws {
        let graph = try network({ b, h in
            let wide = try b.add(MatMul(), h, b.constant("wide", TestModels.normal([8, 24], seed: 3)))
            let heads = try b.add(Reshape(), wide, list(b, [0, 6, 4]))
            return try b.add(Reshape(), gather(b, heads, [5, 0, 2, 3]), list(b, [0, 16]))
        }, width: 16)
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "wide", "w2"])
    }
}
