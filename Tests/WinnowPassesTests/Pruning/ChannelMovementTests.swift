import Testing
import WinnowGraph
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
}
