extension AxisMap {
    /// The number behind every label, as far as the known extents of inputs and outputs tell it; nil where they contradict
    /// the map. A nil shape is of unknown rank.
    package func solve(inputs shapes: [[Int?]?], outputs outputShapes: [[Int?]?]) -> [Character: Int]? {
        guard !isOpaque else { return nil }
        var known = extents
        var composites: [(term: AxisTerm, extent: Int)] = []
        for (terms, shape) in zip(inputs + outputs, shapes + outputShapes) {
            guard let shape, !terms.isEmpty || shape.isEmpty else { continue }
            guard let axes = terms.aligned(toRank: shape.count) else { return nil }
            for case (let term, let extent?) in zip(axes, shape) {
                guard case .label(let label) = term else { composites.append((term, extent)); continue }
                if let other = known[label], other != extent { return nil }
                known[label] = extent
            }
        }
        for (term, extent) in composites {
            guard let isProduct = term.isProduct else { continue }
            let rest = term.labels.compactMap { known[$0] }.reduce(isProduct ? 1 : 0, isProduct ? (*) : (+))
            let missing = term.labels.filter { known[$0] == nil }
            if missing.isEmpty, rest != extent { return nil }
            guard missing.count == 1 else { continue }
            guard !isProduct || (rest > 0 && extent % rest == 0) else { return nil }
            known[missing[0]] = isProduct ? extent / rest : extent - rest
        }
        return known
    }
}

extension [AxisTerm] {
    /// The term of each axis of an operand of this rank; nil if it has another number of them.
    package func aligned(toRank rank: Int) -> [AxisTerm]? {
        guard first == .rest else { return count == rank ? self : nil }
        let own = dropFirst()
        return [AxisTerm](repeating: .opaque, count: Swift.max(0, rank - own.count)) + own.suffix(rank)
    }
}

extension AxisTerm {
    /// true for a product, false for a concatenation, nil for a plain axis.
    package var isProduct: Bool? {
        switch self {
        case .product: true
        case .concatenation: false
        default: nil
        }
    }
}
