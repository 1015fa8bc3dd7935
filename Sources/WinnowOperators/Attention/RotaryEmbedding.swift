package import WinnowGraph
import WinnowTensor

/// Pairs of features turned by angles that grow with the position (Su et al. 2021).
///
/// Inputs: x as (N, heads, length, size) or (N, length, heads · size), cosines, sines, positions (N, length); without
/// positions cosines and sines are (N, length, half).
package struct RotaryEmbedding: Decomposition {
    package static let type = OperatorType("RotaryEmbedding")
    package static let maximumInputCount = 4

    /// Whether partners are neighbours rather than half a vector apart.
    package var isInterleaved: Bool
    /// How many features of a head are turned; 0 is all.
    package var width: Int
    /// For values of three axes.
    package var heads: Int

    package init(isInterleaved: Bool = false, width: Int = 0, heads: Int = 0) {
        self.isInterleaved = isInterleaved
        self.width = width
        self.heads = heads
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            isInterleaved: try attributes.flag("interleaved", default: false),
            width: try attributes.int("rotary_embedding_dim", default: 0), heads: try attributes.int("num_heads", default: 0))
    }

    package var attributes: Attributes {
        ["interleaved": .int(isInterleaved ? 1 : 0), "rotary_embedding_dim": .int(width), "num_heads": .int(heads)]
    }

    package var minimumVersion: Int { 23 }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).type)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let isFlat = try b.rank(of: x) == 3
        guard !isFlat || heads > 0 else { throw WinnowError(.model, "num_heads", "is missing") }
        // (N, length, heads, size)
        let split = try isFlat ? b.reshaped(x, [0, 0, heads, b.extent(2, of: x) / heads]) : b.transposed(x, [0, 2, 1, 3])
        let size = try b.extent(3, of: split)
        let width = width == 0 ? size : width
        guard width % 2 == 0, (1...max(1, size)).contains(width) else { throw WinnowError(.model, "rotary_embedding_dim", "is \(width) of \(size)") }
        let angles = try [1, 2].map { index -> ValueName in
            let table = try inputs.required(index)
            let rows = try inputs.present(3).map { try b.add(Gather(), table, $0) } ?? table
            return try b.unsqueezed(rows, [2])
        }
        let turned = try b.sliced(split, axis: 3, 0..<width)
        let (first, second) = try partners(b, turned, width)
        let real = try b.subtract(b.multiply(angles[0], first), b.multiply(angles[1], second))
        let imaginary = try b.add(b.multiply(angles[1], first), b.multiply(angles[0], second))
        var parts: [ValueName] = [real, imaginary]
        if isInterleaved {
            let pairs = try b.add(Concat(axis: -1), inputs: [real, imaginary].map { try b.unsqueezed($0, [4]) })[0]
            parts = [try b.reshaped(pairs, [0, 0, 0, width])]
        }
        if width < size { parts.append(try b.sliced(split, axis: 3, width..<size)) }
        let joined = try b.add(Concat(axis: 3), inputs: parts)[0]
        return [try isFlat ? b.reshaped(joined, [0, 0, heads * size]) : b.transposed(joined, [0, 2, 1, 3])]
    }

    private func partners(_ b: GraphBuilder, _ x: ValueName, _ width: Int) throws -> (ValueName, ValueName) {
        guard isInterleaved else {
            return (try b.sliced(x, axis: 3, 0..<(width / 2)), try b.sliced(x, axis: 3, (width / 2)..<width))
        }
        let pairs = try b.reshaped(x, [0, 0, 0, width / 2, 2])
        func part(_ index: Int) throws -> ValueName { try b.squeezed(b.sliced(pairs, axis: 4, index..<(index + 1)), [4]) }
        return (try part(0), try part(1))
    }
}
