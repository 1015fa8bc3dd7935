package import WinnowGraph
package import WinnowTensor

extension AxisMap {
    /// For an axis of these terms, where each of its indices comes from when those of `label` (`extents[label]` of them) are
    /// reordered, or some left out; nil if the term does not have the label.
    package func order(of term: AxisTerm, reordering label: Character, by order: [Int], extents: [Character: Int], count: Int) -> [Int]? {
        guard term.labels.contains(label) else { return nil }
        switch term {
        case .label: return order
        case .product(let parts):
            // The part that nothing is promised of has what the others leave.
            let known = parts.compactMap { $0.extent(extents) }.reduce(1, *)
            return parts.reduce([0]) { outer, part in
                let extent = part.extent(extents) ?? count / max(1, known)
                let inner = self.order(of: part, reordering: label, by: order, extents: extents, count: extent) ?? Array(0..<extent)
                return outer.flatMap { place in inner.map { place * extent + $0 } }
            }
        case .concatenation(let parts):
            var start = 0
            return parts.flatMap { part -> [Int] in
                let extent = part.extent(extents) ?? 0
                defer { start += extent }
                let inner = self.order(of: part, reordering: label, by: order, extents: extents, count: extent) ?? Array(0..<extent)
                return inner.map { start + $0 }
            }
        case .opaque, .one, .rest: return nil
        }
    }

    /// The operand with one label's indices reordered, or some left out, wherever it occurs.
    package func reordered(
        _ tensor: Tensor, _ terms: [AxisTerm], label: Character, by order: [Int], extents: [Character: Int]
    ) -> Tensor {
        guard let terms = terms.aligned(toRank: tensor.rank) else { return tensor }
        var result = tensor
        for (axis, term) in terms.enumerated() {
            if let indices = self.order(of: term, reordering: label, by: order, extents: extents, count: tensor.shape[axis]) {
                result = result.selecting(indices, axis: axis)
            }
        }
        return result
    }

    /// The operand with 0, or the code of 0, at one index of a label wherever it occurs.
    package func zeroed(
        _ tensor: Tensor, _ terms: [AxisTerm], label: Character, at index: Int, extents: [Character: Int], to zero: Double = 0
    ) -> Tensor {
        guard let terms = terms.aligned(toRank: tensor.rank) else { return tensor }
        let kept = (0..<(extents[label] ?? 0)).filter { $0 != index }
        var values = tensor.doubles()
        for (axis, term) in terms.enumerated() {
            guard let places = order(of: term, reordering: label, by: kept, extents: extents, count: tensor.shape[axis]) else { continue }
            let inner = tensor.shape.strides[axis]
            for element in values.indices where !places.contains(element / inner % tensor.shape[axis]) { values[element] = zero }
        }
        return Tensor(values, shape: tensor.shape, as: tensor.elementType)
    }

    /// How many indices a term stands for.
    package func count(_ term: AxisTerm, _ extents: [Character: Int]) -> Int? {
        term.labels.isEmpty ? nil : term.extent(extents)
    }

    /// A list of extents with those that it counts changed from `old` to `new`.
    package func recounted(
        _ list: Tensor, _ terms: [AxisTerm], from old: [Character: Int], to new: [Character: Int]
    ) -> Tensor {
        let values = zip(list.integers(), terms).map { value, term in
            count(term, old) == value ? count(term, new) ?? value : value
        }
        return Tensor(values.map(Double.init), shape: list.shape, as: list.elementType)
    }
}
