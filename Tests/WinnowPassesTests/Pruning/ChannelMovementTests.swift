import Testing
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Channels follow what picks, repeats and moves the elements of other axes, or of their own in an order that is known.
struct ChannelMovementTests {
    private func list(_ b: GraphBuilder, _ numbers: Int...) -> ValueName { b.constant("list", Tensor(numbers.map { Int64($0) })) }

    private func slice(_ b: GraphBuilder, _ h: ValueName, _ start: Int, _ end: Int = 1 << 40, step: Int = 1) throws -> ValueName {
        try b.add(Slice(), h, list(b, start), list(b, end), list(b, 1), list(b, step))
    }

    /// The parts of this width of an axis of 12, of which the first are multiplied and the rest added.
    @Test(arguments: [(4, [0, 1, 2]), (3, [0, 1, 2, 3]), (2, [0, 1, 2, 3, 4, 5]), (4, [0, 1]), (4, [1]), (3, [2, 1])])
    func slicesOfTheMiddleFollow(_ width: Int, _ places: [Int]) throws {
        let graph = try network({ b, h in
            let wide = try b.add(MatMul(), h, b.constant("wide", TestModels.normal([8, 12], seed: 3)))
            let parts = try places.map { try slice(b, wide, $0 * width, $0 == 12 / width - 1 ? 1 << 40 : ($0 + 1) * width) }
            guard parts.count > 1 else { return try b.add(Relu(), parts[0]) }
            return try parts.dropFirst(2).reduce(b.add(Mul(), parts[0], parts[1])) { try b.add(Add(), $0, $1) }
        }, width: width)
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "wide", "w2"])
    }

    /// Each second channel gates the one before it.
    @Test(arguments: [8, 1 << 40]) func slicesOfEverySecondChannelFollow(_ end: Int) throws {
        let gated = try network({ b, h in
            try b.add(Mul(), slice(b, h, 0, end, step: 2), b.add(Sigmoid(), slice(b, h, 1, end, step: 2)))
        }, width: 4)
        try expectShrunkEqualsMasked(gated, smaller: ["w1", "w2"])
    }

    /// Pairs of neighbouring channels are turned.
    @Test func interleavedRotationsFollow() throws {
        let turned = try network { b, h in
            let (even, odd) = (try slice(b, h, 0, step: 2), try slice(b, h, 1, step: 2))
            let parts = try [b.add(Neg(), odd), even].map { try b.add(Unsqueeze(), $0, list(b, 2)) }
            let pairs = try b.add(Reshape(), b.add(Concat(axis: 2), inputs: parts)[0], list(b, 0, 8))
            return try b.add(Add(), h, b.add(Mul(), pairs, b.constant("sine", TestModels.normal([8], seed: 4))))
        }
        try expectShrunkEqualsMasked(turned, smaller: ["w1", "sine", "w2"])
    }

    @Test func repeatedChannelsFollow() throws {
        let repeated = try network({ b, h in try b.add(Tile(), h, list(b, 1, 3)) }, width: 24)
        try expectShrunkEqualsMasked(repeated, smaller: ["w1", "w2"])
        let counted = try network { b, h in
            let mean = try b.add(ReduceMean(axes: [1]), h)
            return try b.add(Sub(), h, b.add(Tile(), mean, list(b, 1, 8)))
        }
        try expectShrunkEqualsMasked(counted, smaller: ["w1", "w2"])
    }

    /// The channels of one block go together, with the channel of the finer picture that they make and those of the blocks made of it again.
    @Test(arguments: [false, true], [false, true]) func blocksOfChannelsFollow(_ channelFirst: Bool, _ isOpen: Bool) throws {
        let b = GraphBuilder("blocks")
        let x = try b.input("x", .float32, ["N", 3, isOpen ? "H" : 4, isOpen ? "W" : 6])
        let h = try b.conv(x, b.constant("w1", TestModels.normal([16, 3, 3, 3])), padding: 1)
        let fine = try b.add(DepthToSpace(blockSize: 2, channelFirst: channelFirst), h)
        // A sum over channels holds only where zeros are moved too.
        let scaled = try b.add(Mul(), fine, b.add(ReduceSum(axes: [1]), fine))
        let bent = try b.add(PRelu(), scaled, b.constant("slope", TestModels.normal([4, 1, 1], seed: 2)))
        let coarse = try b.add(SpaceToDepth(blockSize: 2), bent)
        let graph = try b.graph(outputs: [b.conv(coarse, b.constant("w2", TestModels.normal([2, 16, 1, 1], seed: 3)))])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "slope", "w2"], inputs: ["x": TestModels.normal([2, 3, 4, 6])])
        let result = try StructuredPruning()(graph)
        #expect(["w1", "slope", "w2"].map { result.graph.initializers[$0]?.shape } == [[8, 3, 3, 3], [2, 1, 1], [2, 8, 1, 1]])
        #expect(result.findings.first { $0.subject == "w1" }?.after == 8)
    }

    /// Channels of a block that makes an output's stay, with the output as the reason.
    @Test func blocksOfOutputsStay() throws {
        let b = GraphBuilder("picture")
        let h = try b.add(Relu(), b.conv(b.input("x", .float32, ["N", 3, "H", "W"]), b.constant("w1", TestModels.normal([8, 3, 3, 3])), padding: 1))
        let blocks = try b.conv(h, b.constant("w2", TestModels.normal([12, 8, 3, 3], seed: 2)), padding: 1)
        let graph = try b.graph(outputs: [b.add(DepthToSpace(blockSize: 2, channelFirst: true), blocks, name: "picture")])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"], inputs: ["x": TestModels.normal([2, 3, 4, 6])])
        let result = try StructuredPruning()(graph)
        #expect(result.graph.initializers["w2"]?.shape == [12, 4, 3, 3])
        #expect(result.findings.first { $0.subject == "w2" }?.reason.contains("the model's output") == true)
    }

    @Test(arguments: ["GatherND", "TopK", "CumSum", "Compress", "Trilu"]) func whatMovesOtherAxesIsPassed(_ name: String) throws {
        let graph = try network { b, h in
            switch name {
            case "GatherND": return try b.add(GatherND(), h, b.constant("places", Tensor([Int64(1), 0, 1], shape: [3, 1])))
            case "TopK": return try b.add(TopK(axis: 0), inputs: [h, list(b, 2)], outputs: 2)[0]
            case "CumSum": return try b.add(CumSum(), h, list(b, 0))
            case "Compress": return try b.add(Compress(axis: 0), h, b.constant("chosen", Tensor([0, 1], shape: [2], as: .bool)))
            default: return try b.add(Flatten(), b.add(Trilu(), b.add(Reshape(), h, list(b, 0, 8, 1, 1))))
            }
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"])
    }

    /// Indices that say for each channel where it is read from, or written to, lose it too.
    @Test(arguments: ["GatherElements", "expanded", "ScatterElements", "ScatterND", "ReverseSequence"])
    func indicesOfChannelsFollow(_ name: String) throws {
        func indices(_ count: Int) -> Tensor { Tensor((0..<(count * 8)).map { Int64($0 * 5 % 3 % 2) }, shape: [count, 8]) }
        let rows = Tensor([Int64(1), 0, 1, 1, 0], shape: [5, 1])
        let graph = try network { b, h in
            switch name {
            case "GatherElements": return try b.add(GatherElements(axis: 0), h, b.constant("places", indices(3)))
            case "expanded": return try b.add(GatherElements(axis: 0), h, b.add(Expand(), b.constant("rows", rows), b.constant("places", Tensor([Int64(1), 8]))))
            case "ScatterElements":
                return try b.add(ScatterElements(axis: 0, reduction: .add), b.constant("sums", Tensor(zeros: [2, 8], .float32)), b.constant("places", indices(5)), h)
            case "ScatterND": return try b.add(ScatterND(reduction: .add), b.constant("sums", TestModels.normal([2, 8], seed: 9)), b.constant("rows", rows), h)
            default: return try b.add(ReverseSequence(), h, b.constant("places", Tensor((0..<8).map { Int64($0 % 2 + 1) })))
            }
        }
        let others = ["GatherElements": ["places"], "ScatterElements": ["places", "sums"], "ScatterND": ["sums"], "ReverseSequence": ["places"]]
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"] + (others[name] ?? []))
    }

    /// Indices that a choice among all elements made say nothing of channels that are gone.
    @Test func indicesOfTheLargestAreNotTouched() throws {
        let graph = try network { b, h in
            let top = try b.add(TopK(axis: 0), inputs: [h, list(b, 2)], outputs: 2)
            return try b.add(GatherElements(axis: 0), h, top[1])
        }
        #expect(try StructuredPruning()(graph).graph.initializers == graph.initializers)
    }

    /// A network over (N, `shape`, 6) whose channels lie on the last axis, which `middle` takes for a spatial one.
    private func spatial(_ shape: [Int], width: Int = 8, _ middle: (GraphBuilder, ValueName) throws -> ValueName) throws -> Graph {
        let b = GraphBuilder("spatial")
        let x = try b.input("x", .float32, ["N"] + shape.map { .fixed($0) } + [6])
        let h = try b.add(MatMul(), x, b.constant("w1", TestModels.normal([6, 8])))
        return try b.graph(outputs: [b.add(MatMul(), middle(b, h), b.constant("w2", TestModels.normal([width, 3], seed: 6)))])
    }

    /// Where a window has one tap and steps of one, each place of a spatial axis is computed by itself.
    @Test(arguments: ["Conv", "wide", "ConvTranspose", "AveragePool", "MaxPool"]) func windowsOfOnePlaceAreNoneAlongItsAxis(_ name: String) throws {
        let shape = name == "Conv" ? [5] : [5, 4]
        let graph = try spatial(shape) { b, h in
            let window = Window(extents: [2, 1], strides: [2, 1])
            switch name {
            case "Conv":
                return try b.add(
                    Conv(), h, b.constant("mix", TestModels.normal([7, 5, 1], seed: 2)), b.constant("bias", TestModels.normal([7], seed: 3)))
            case "wide":
                return try b.add(Conv(window: Window(pads: [1, 0, 1, 0])), h, b.constant("mix", TestModels.normal([7, 5, 3, 1], seed: 2)))
            case "ConvTranspose":
                return try b.add(ConvTranspose(window: window), h, b.constant("mix", TestModels.normal([5, 7, 2, 1], seed: 2)))
            case "AveragePool": return try b.add(AveragePool(window: window), h)
            default: return try b.add(MaxPool(window: window), inputs: [h])[0]
            }
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"], inputs: ["x": TestModels.normal(Shape([2] + shape + [6]), seed: 7)])
    }

    @Test(arguments: [(Window(extents: [1, 2]), 7), (Window(extents: [1, 1], strides: [1, 2]), 4), (Window(extents: [1, 1], pads: [0, 0, 0, 1]), 9)])
    func windowsOfSeveralPlacesKeepTheirAxis(_ window: Window, _ width: Int) throws {
        for isConvolution in [false, true] {
            let graph = try spatial([5, 4], width: width) { b, h in
                guard isConvolution else { return try b.add(AveragePool(window: window), h) }
                return try b.add(Conv(window: window), h, b.constant("mix", TestModels.normal(Shape([7, 5] + (window.extents ?? [])), seed: 2)))
            }
            #expect(try StructuredPruning()(graph).graph.initializers == graph.initializers)
        }
    }
}
