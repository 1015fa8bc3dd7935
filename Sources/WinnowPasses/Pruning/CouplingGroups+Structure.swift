import WinnowGraph

extension CouplingGroups {
    /// What a group's channels pass through: the types of all nodes that have them, each with the operands and axes where it
    /// does. Groups of the same structure are isomorphic: names, extents and attributes make no difference (Fang et al. 2024,
    /// section 3.2).
    func structure(of group: Group) -> String {
        nodes.compactMap { bound in
            let labels = Set(bound.labels.filter { classes.leaves(of: $0.value).contains(group.id) }.keys)
            guard !labels.isEmpty else { return nil }
            func places(_ operands: [[AxisTerm]]) -> [String] {
                operands.enumerated().flatMap { position, terms in
                    terms.indices.filter { !labels.isDisjoint(with: terms[$0].labels) }.map { "\(position).\($0)" }
                }
            }
            let (inputs, outputs) = (places(bound.map.inputs), places(bound.map.outputs))
            return "\(bound.node.op.type)(\(inputs.joined(separator: " ")) > \(outputs.joined(separator: " ")))"
        }.sorted().joined(separator: ", ")
    }
}
