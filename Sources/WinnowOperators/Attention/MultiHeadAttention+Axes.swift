package import WinnowGraph
import WinnowTensor

/// `"b.(hd), b.(hd), b.(hv), [(hd)(hd)(hv)], b., bh.., bh.d, bh.v -> b.(hv), bh.d, bh.v, bh.."`; keys and values may have their heads
/// on an axis of their own, and then no bias.
extension MultiHeadAttention {
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let (key, value) = sizes(inputs), inputs.optional(1)?.rank == inputs.optional(2)?.rank else { return .opaque }
        let (batch, mask, added) = mask.axes(mask: inputs.optional(4), added: inputs.optional(5))
        let isFlat = inputs.optional(1)?.rank == 3
        func operand(_ width: String) -> String { isFlat ? "\(batch).(h\(width))" : "\(batch)h.\(width)" }
        let terms = [
            "\(batch).(hd)", operand("d"), operand("v"), isFlat ? "[(hd)(hd)(hv)]" : "(hd)", mask, added, "\(batch)h.d", "\(batch)h.v",
        ]
        let given = inputs.indices.map { $0 < terms.count && inputs[$0] != nil ? terms[$0] : "" }
        var map = AxisMap(
            "\(given.joined(separator: ",")) -> \(batch).(hv), \(batch)h.d, \(batch)h.v, \(batch)h..",
            extents: ["h": heads, "d": key, "v": value])
        map.summed = ["d"]
        return map
    }

    /// The width of queries is in the scale that is not given.
    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        guard let (key, _) = sizes(inputs), let heads = extents["h"], let width = extents["d"] else { return nil }
        var result = self
        result.heads = heads
        if scale == nil, width != key { result.scale = 1 / Float(key).squareRoot() }
        return result
    }

    /// Widths of keys and of values are zero where the keys and values are, and then tell nothing.
    package func effect(of zeros: Zeros) -> ZeroEffect {
        for operands in [[1, 3, 6], [2, 3, 7]] {
            let isAlone = zeros.bearers.isSubset(of: Set(operands + (operands[0] == 1 ? [0] : [])))
            if isAlone, zeros.bearers.contains(operands[0]), operands.allSatisfy({ zeros.areOrAbsent(at: $0) }) { return .zero }
        }
        return .number
    }

    /// The width of a head's keys and that of its values; nil where they are packed with queries.
    private func sizes(_ inputs: [ValueInfo?]) -> (key: Int, value: Int)? {
        guard heads > 0, let query = inputs.optional(0)?.extents, query.count == 3, let width = query[2].value, width % heads == 0,
            let values = inputs.optional(2)?.extents, let last = values.last?.value, values.count == 4 || last % heads == 0
        else { return nil }
        return (width / heads, values.count == 4 ? last : last / heads)
    }
}
