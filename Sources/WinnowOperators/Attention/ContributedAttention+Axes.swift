package import WinnowGraph
import WinnowTensor

/// `"b.i, i[(hd)(hd)(hd)], [(hd)(hd)(hd)], b., .bh.d, bh.. -> b.(hd), .bh.d"`: keys and values of one width lie in one cache, so that
/// they lose the same places of heads; values of another width lose their own, `v`.
extension ContributedAttention {
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard inputs.optional(0)?.rank == 3, let (key, value) = sizes(inputs) else { return .opaque }
        let (batch, mask, added) = mask.axes(mask: inputs.optional(3), added: inputs.optional(5))
        let own = key == value ? "d" : "v"
        let columns = "[(hd)(hd)(h\(own))]"
        let terms = ["\(batch).i", "i\(columns)", columns, mask, ".\(batch)h.d", added]
        let given = inputs.indices.map { $0 < terms.count && inputs[$0] != nil ? terms[$0] : "" }
        let results = "\(batch).(h\(own)), \(key == value ? ".\(batch)h.d" : ".....")"
        var map = AxisMap(
            "\(given.joined(separator: ",")) -> \(results)",
            extents: ["h": heads, "d": key].merging(key == value ? [:] : ["v": value]) { $1 })
        map.summed = ["d"]
        return map
    }

    /// The width of queries is in the scale that is not given.
    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        guard let (key, value) = sizes(inputs), let heads = extents["h"], let width = extents["d"] else { return nil }
        var result = self
        result.heads = heads
        if !widths.isEmpty {
            let own = key == value ? width : extents["v"] ?? value
            result.widths = [heads * width, heads * width, heads * own]
        }
        if scale == nil, width != key { result.scale = 1 / Float(key).squareRoot() }
        return result
    }

    /// Columns of zeros make queries, keys and values of zeros.
    package func effect(of zeros: Zeros) -> ZeroEffect {
        zeros.bearers.contains(1) && zeros.are(at: 1) && [2, 4].allSatisfy { zeros.areOrAbsent(at: $0) } ? .zero : .number
    }

    /// The width of a head's keys and that of its values.
    private func sizes(_ inputs: [ValueInfo?]) -> (key: Int, value: Int)? {
        guard heads > 0, let columns = inputs.optional(1)?.extents?.last?.value else { return nil }
        let widths = widths.isEmpty ? [Int](repeating: columns / 3, count: 3) : widths
        guard widths.reduce(0, +|) == columns, widths[0] == widths[1], widths.allSatisfy({ $0 > 0 && $0 % heads == 0 }) else { return nil }
        return (widths[1] / heads, widths[2] / heads)
    }
}
