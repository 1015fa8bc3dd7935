package import WinnowGraph
package import WinnowTensor

extension AxisMap {
    /// For an axis of these terms, where each of its indices comes from when `label` (of `extents[label]` indices) is
    /// reordered; nil if the term does not have the label.
    package func order(of term: AxisTerm, reordering label: Character, by order: [Int], extents: [Character: Int]) -> [Int]? {
        guard term.labels.contains(label) else { return nil }
        switch term {
        case .label: return order
        case .product(let labels):
            let shape = Shape(labels.map { extents[$0] ?? 1 })
            let strides = shape.strides
            return (0..<shape.elementCount).map { index in
                labels.indices.reduce(0) { sum, axis in
                    let position = index / strides[axis] % shape[axis]
                    return sum + (labels[axis] == label ? order[position] : position) * strides[axis]
                }
            }
        case .concatenation(let labels):
            var start = 0
            return labels.flatMap { part -> [Int] in
                let extent = extents[part] ?? 0
                defer { start += extent }
                return (0..<extent).map { start + (part == label ? order[$0] : $0) }
            }
        case .opaque, .one: return nil
        }
    }

    /// The operand with one label's indices reordered wherever it occurs.
    package func reordered(
        _ tensor: Tensor, _ terms: [AxisTerm], label: Character, by order: [Int], extents: [Character: Int]
    ) -> Tensor {
        guard terms.count == tensor.rank else { return tensor }
        var result = tensor
        for (axis, term) in terms.enumerated() {
            if let indices = self.order(of: term, reordering: label, by: order, extents: extents) {
                result = result.selecting(indices, axis: axis)
            }
        }
        return result
    }
}
