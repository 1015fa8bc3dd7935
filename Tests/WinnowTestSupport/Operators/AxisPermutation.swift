package import WinnowGraph
package import WinnowTensor

extension AxisMap {
    /// For an axis of these terms, where each of its indices comes from when those of `label` (`extents[label]` of them) are
    /// reordered, or some left out; nil if the term does not have the label.
    package func order(of term: AxisTerm, reordering label: Character, by order: [Int], extents: [Character: Int]) -> [Int]? {
        guard term.labels.contains(label) else { return nil }
        switch term {
        case .label: return order
        case .product(let labels):
            let strides = Shape(labels.map { extents[$0] ?? 1 }).strides
            let target = Shape(labels.map { $0 == label ? order.count : extents[$0] ?? 1 })
            return (0..<target.elementCount).map { index in
                labels.indices.reduce(0) { sum, axis in
                    let position = index / target.strides[axis] % target[axis]
                    return sum + (labels[axis] == label ? order[position] : position) * strides[axis]
                }
            }
        case .concatenation(let labels):
            var start = 0
            return labels.flatMap { part -> [Int] in
                let extent = extents[part] ?? 0
                defer { start += extent }
                return part == label ? order.map { start + $0 } : (0..<extent).map { start + $0 }
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
            if let indices = self.order(of: term, reordering: label, by: order, extents: extents) {
                result = result.selecting(indices, axis: axis)
            }
        }
        return result
    }

    /// The operand with 0 at one index of a label wherever it occurs.
    package func zeroed(
        _ tensor: Tensor, _ terms: [AxisTerm], label: Character, at index: Int, extents: [Character: Int]
    ) -> Tensor {
        guard let terms = terms.aligned(toRank: tensor.rank) else { return tensor }
        let kept = (0..<(extents[label] ?? 0)).filter { $0 != index }
        var values = tensor.doubles()
        for (axis, term) in terms.enumerated() {
            guard let places = order(of: term, reordering: label, by: kept, extents: extents) else { continue }
            let inner = tensor.shape.strides[axis]
            for element in values.indices where !places.contains(element / inner % tensor.shape[axis]) { values[element] = 0 }
        }
        return Tensor(values, shape: tensor.shape, as: tensor.elementType)
    }

    /// How many indices a term stands for.
    package func count(_ term: AxisTerm, _ extents: [Character: Int]) -> Int? {
        let parts = term.labels.map { extents[$0] ?? 0 }
        guard !parts.isEmpty else { return nil }
        return term.isProduct ?? true ? parts.reduce(1, *) : parts.reduce(0, +)
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
