package import WinnowGraph
import WinnowOperators
package import WinnowTensor

extension Graph {
    /// What training computes of a model with float16, bfloat16 or float64 parameters: the same in float32, on float32 copies of them (master
    /// weights; Micikevicius et al. 2018, section 3.1). Inputs keep their types, values their names; what the model rounds to such a type, this
    /// does not. The graph itself where it has none, or a node keeps to their types.
    package func takingMasterWeights() -> Graph {
        let parameters = trainableInitializers(of: [.float16, .bfloat16, .float64])
        let types = Set(parameters.compactMap { initializers[$0]?.elementType })
        return types.isEmpty ? self : (try? widened(from: types)) ?? self
    }

    /// The graph with these contents, in the types that its initializers have.
    package func settingContents(_ tensors: [ValueName: Tensor]) throws -> Graph {
        let own = initializers
        return try settingInitializers(
            tensors.filter { own[$0.key] != nil }.map { ($0, $1.converted(to: own[$0]?.elementType ?? $1.elementType)) }
                .reduce(into: [:]) { $0[$1.0] = $1.1 })
    }

    /// Float32 in the place of these types. Throws where nodes do not take it.
    private func widened(from types: Set<ElementType>) throws -> Graph {
        func isNarrow(_ value: ValueName) -> Bool { infos[value].map { types.contains($0.elementType) } ?? false }
        let holder = nodes.first { node in
            node.op.bodies.values.contains { body in body.infos.values.contains { types.contains($0.elementType) } }
        }
        if let holder {
            throw WinnowError(.unsupported, "node \(holder.name) (\(holder.op.type))", "has a body that computes in another type than float32")
        }
        var (edit, names) = (GraphEdit(), FreshNames(self))
        edit.initializers = initializerNames.compactMap { name in
            isNarrow(name) ? initializers[name].map { (name, $0.converted(to: .float32)) } : nil
        }
        for input in inputs where isNarrow(input.name) {
            let wide = names.value("\(input.name).float32")
            edit.rewired[input.name] = wide
            edit.addedNodes.append(Node(name: names.node(wide), op: Cast(to: .float32), inputs: [input.name], outputs: [wide]))
        }
        for node in nodes where node.outputs.contains(where: isNarrow) {
            var changed = node
            changed.inputs = node.inputs.map { edit.rewired[$0] ?? $0 }
            if node.op is Cast {
                changed.op = Cast(to: .float32)
            } else if !node.inputs.contains(where: isNarrow) {
                // Its type is an attribute.
                for (place, output) in node.outputs.enumerated() where isNarrow(output) {
                    changed.outputs[place] = names.value("\(output).narrow")
                    edit.addedNodes.append(
                        Node(name: names.node("\(output).float32"), op: Cast(to: .float32), inputs: [changed.outputs[place]], outputs: [output]))
                }
            } else { continue }
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(changed)
        }
        return try applying(edit)
    }
}

extension Objective {
    /// The objective in float32: `Graph.takingMasterWeights`.
    package func takingMasterWeights() -> Objective {
        var result = self
        result.graph = graph.takingMasterWeights()
        return result
    }
}
