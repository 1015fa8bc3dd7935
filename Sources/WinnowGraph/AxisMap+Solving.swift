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
        for (term, extent) in composites where !term.solve(extent, &known) { return nil }
        return known
    }
}

extension AxisTerm {
    /// Puts down the number behind the only label that is not known; false where it contradicts those that are.
    fileprivate func solve(_ extent: Int, _ known: inout [Character: Int]) -> Bool {
        switch self {
        case .label(let label):
            guard let other = known[label] else { known[label] = extent; return true }
            return other == extent
        case .product(let parts), .concatenation(let parts):
            let isProduct = isProduct ?? true
            let sizes = parts.map { $0.extent(known) }
            let rest = sizes.reduce(isProduct ? 1 : 0) { isProduct ? $0 * ($1 ?? 1) : $0 + ($1 ?? 0) }
            let open = parts.indices.filter { sizes[$0] == nil }
            if open.isEmpty { return rest == extent }
            guard !isProduct || (rest > 0 && extent % rest == 0) else { return open.count > 1 }
            return open.count > 1 || parts[open[0]].solve(isProduct ? extent / rest : extent - rest, &known)
        case .opaque, .one, .rest: return true
        }
    }

    /// How many indices the term stands for; nil where that does not follow from its labels.
    package func extent(_ known: [Character: Int]) -> Int? {
        switch self {
        case .label(let label): return known[label]
        case .one: return 1
        case .opaque, .rest: return nil
        case .product(let parts), .concatenation(let parts):
            let sizes = parts.compactMap { $0.extent(known) }
            guard sizes.count == parts.count else { return nil }
            return isProduct ?? true ? sizes.reduce(1, *) : sizes.reduce(0, +)
        }
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
