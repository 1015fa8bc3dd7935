import WinnowGraph

/// Axes whose indices are those of others, in an order or a choice that is known: permutations, the channels that a layer looks at.
extension CouplingGroups {
    /// Couples the axis that a node selects with the one that it selects from, index by index.
    mutating func select(_ bound: BoundNode) {
        guard let selection = bound.map.selection, let result = bound.node.output(0),
            let source = classID(of: bound.node.inputs[0], axis: selection.source), let target = classID(of: result, axis: selection.target)
        else { return }
        classes.select(target, from: source, selection.indices)
    }
}

extension CouplingGroups.BoundNode {
    /// The terms of each input; nil for one that the map does not have.
    var inputTerms: [[AxisTerm]?] {
        node.inputs.indices.map { position in
            guard map.inputs.indices.contains(position) else { return nil }
            var terms = map.inputs[position]
            // What a selection says of these axes is all that is known of them.
            if position == 0, let axis = map.selection?.source { terms[axis] = .one }
            if position == map.selection?.list, let axis = map.selection?.listAxis { terms[axis] = .one }
            return terms
        }
    }

    /// The terms of each output; nil for one that the map does not have.
    var outputTerms: [[AxisTerm]?] {
        node.outputs.indices.map { position in
            guard map.outputs.indices.contains(position) else { return nil }
            var terms = map.outputs[position]
            if position == 0, let axis = map.selection?.target { terms[axis] = .one }
            return terms
        }
    }
}
