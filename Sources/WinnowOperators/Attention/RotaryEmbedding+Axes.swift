package import WinnowGraph
import WinnowTensor

/// `"bh.(.p), .p, .p, b. -> bh.(.p)"`, partners beside each other as `(p.)`, heads before widths in one axis as `(h.p)`: pairs of
/// features go with their angles, of all heads at once. Where only a part of a head is turned, its width stays.
extension RotaryEmbedding {
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { axes(for: inputs, positions: inputs.optional(3)) }

    /// - Parameter positions: those that choose rows of the tables; nil: the tables' rows are the samples' own.
    func axes(for inputs: [ValueInfo?], positions: ValueInfo?) -> AxisMap {
        guard let x = inputs.optional(0)?.extents, x.count == 4 || x.count == 3 && heads > 0, let last = x.last?.value else { return .opaque }
        let size = x.count == 4 ? last : last / heads
        let isWhole = width == 0 || width == size
        let features = !isWhole ? "." : isInterleaved ? "p." : ".p"
        let operand = x.count == 4 ? "bh.\(isWhole ? "(\(features))" : features)" : "b.(h\(features))"
        let feature = isWhole ? "p" : "."
        let table = positions != nil ? ".\(feature)" : "b.\(feature)"
        let terms = [operand, table, table, positions?.rank == 2 ? "b." : "."]
        let given = inputs.indices.map { $0 < terms.count && inputs[$0] != nil ? terms[$0] : "" }
        var extents: [Character: Int] = x.count == 3 ? ["h": heads] : [:]
        if isWhole { extents["p"] = size / 2 }
        return AxisMap("\(given.joined(separator: ",")) -> \(operand)", extents: extents)
    }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        var result = self
        if let left = extents["h"] { result.heads = left }
        if width > 0, let pairs = extents["p"] { result.width = 2 * pairs }
        return result
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }
}

/// Positions come before the tables.
extension ContributedRotaryEmbedding {
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let (standard, operands) = standard(inputs) else { return .opaque }
        let map = standard.axes(for: operands, positions: inputs.optional(1))
        guard !map.isOpaque, map.inputs.count == 4 else { return .opaque }
        return AxisMap(inputs: [0, 3, 1, 2].map { map.inputs[$0] }, outputs: map.outputs, extents: map.extents)
    }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        var result = self
        if heads > 0, let left = extents["h"] { result.heads = left }
        if width > 0, let pairs = extents["p"] { result.width = 2 * pairs }
        return result
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }

    /// The same as ONNX has it: x, cosines, sines, positions.
    private func standard(_ inputs: [ValueInfo?]) -> (RotaryEmbedding, [ValueInfo?])? {
        guard inputs.count == 4 else { return nil }
        let half = inputs[2]?.extents?.last?.value ?? 0
        let count = inputs[0]?.rank == 3 && heads == 0 ? (inputs[0]?.extents?.last?.value ?? 0) / max(1, 2 * half) : heads
        return (RotaryEmbedding(isInterleaved: isInterleaved, width: width, heads: count), [0, 2, 3, 1].map { inputs[$0] })
    }
}
