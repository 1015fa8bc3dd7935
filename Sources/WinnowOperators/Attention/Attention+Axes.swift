package import WinnowGraph
import WinnowTensor

/// `"bh.d, bg.d, bg.v -> bh.v"`, heads beside widths or before them in one axis; where several heads of queries share one of keys,
/// h = (g r). Lengths stay: masks, causality and windows tell places apart.
extension Attention {
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let query = inputs.optional(0)?.extents, let keys = inputs.optional(1)?.extents,
            let values = inputs.optional(2)?.extents, [query.count, keys.count, values.count].allSatisfy({ $0 == query.count }), query.count == 3 || query.count == 4,
            let (own, shared) = headCounts(query, keys), own % shared == 0
        else { return .opaque }
        let (heads, groups): ([Character], [Character]) = own == shared ? (["h"], ["h"]) : (["g", "r"], ["g"])
        let isFlat = query.count == 3
        func operand(_ heads: [Character], _ width: Character) -> [AxisTerm] {
            [.label("b")] + (isFlat ? [.opaque, .product((heads + [width]).map { .label($0) })] : [Self.term(heads), .opaque, .label(width)])
        }
        func cache(_ width: Character) -> [AxisTerm] { [.label("b"), Self.term(groups), .opaque, .label(width)] }
        let terms = [
            operand(heads, "d"), operand(groups, "d"), operand(groups, "v"), mask(inputs, heads), cache("d"), cache("v"), [.label("b")],
        ]
        var map = AxisMap(
            inputs: inputs.indices.map { inputs[$0] == nil ? [] : terms[$0] },
            outputs: [operand(heads, "v"), cache("d"), cache("v"), [.label("b"), Self.term(heads), .opaque, .opaque]],
            extents: !isFlat ? [:] : own == shared ? ["h": own] : ["g": shared, "r": own / shared])
        // The width of queries is in the scale that is not given.
        if let size = width(query) { if scale == nil { map.extents["d"] = size } } else if scale == nil { map.pinned.insert("d") }
        map.summed = ["d"]
        return map
    }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        guard let query = inputs.optional(0)?.extents, let size = width(query) else { return nil }
        var result = self
        if let heads = extents["h"] ?? extents["g"].flatMap({ groups in extents["r"].map { groups * $0 } }), queryHeads != nil {
            result.queryHeads = heads
            result.keyHeads = extents["g"] ?? heads
        }
        if scale == nil, let left = extents["d"], left != size { result.scale = 1 / Float(size).squareRoot() }
        return result
    }

    /// Widths of keys and of values are zero where the keys and values are, and then tell nothing.
    package func effect(of zeros: Zeros) -> ZeroEffect {
        for operands in [[1, 4], [2, 5]] {
            let isAlone = zeros.bearers.isSubset(of: Set(operands + (operands[0] == 1 ? [0] : [])))
            if isAlone, zeros.bearers.contains(operands[0]), operands.allSatisfy({ zeros.areOrAbsent(at: $0) }) { return .zero }
        }
        return .number
    }

    private static func term(_ heads: [Character]) -> AxisTerm { heads.count == 1 ? .label(heads[0]) : .product(heads.map { .label($0) }) }

    /// Of queries and of keys.
    private func headCounts(_ query: [Extent], _ keys: [Extent]) -> (Int, Int)? {
        if query.count == 3 { return queryHeads.flatMap { own in keyHeads.flatMap { own > 0 && $0 > 0 ? (own, $0) : nil } } }
        guard let own = query[1].value, let shared = keys[1].value, own > 0, shared > 0 else { return nil }
        return (own, shared)
    }

    private func width(_ query: [Extent]) -> Int? {
        guard let last = query.last?.value else { return nil }
        return query.count == 4 ? last : queryHeads.flatMap { $0 > 0 ? last / $0 : nil }
    }

    private func mask(_ inputs: [ValueInfo?], _ heads: [Character]) -> [AxisTerm] {
        let extents = inputs.optional(3)?.extents ?? []
        let terms = [.label("b"), Self.term(heads), .opaque, .opaque].suffix(extents.count)
        return zip(extents, terms).map { $0 == .fixed(1) ? .one : $1 }
    }
}
