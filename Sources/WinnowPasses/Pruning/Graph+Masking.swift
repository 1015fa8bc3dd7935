package import WinnowGraph
import WinnowOperators
package import WinnowTensor

extension Graph {
    /// The graph in which these weights are multiplied by 0/1 masks: `W.masked = Mul(W, W.mask)`. Masks that are there
    /// already get new contents. A weight that callers see stays as they know it. `method` is noted after those before it.
    package func masking(_ masks: [ValueName: Tensor], by method: String? = nil) throws -> Graph {
        var edit = GraphEdit()
        var names = FreshNames(self)
        let present = Dictionary(maskNodes.map { ($0.weight, $0) }, uniquingKeysWith: { first, _ in first })
        for weight in initializerNames {
            guard let tensor = masks[weight] else { continue }
            if let (node, _, mask) = present[weight] {
                edit.initializers.append((mask, tensor))
                guard let method else { continue }
                var noted = node
                noted.notes.pruningMethods.append(method)
                edit.removedNodes.insert(node.name)
                edit.addedNodes.append(noted)
                continue
            }
            let (mask, masked) = (names.value("\(weight).mask"), names.value("\(weight).masked"))
            edit.initializers.append((mask, tensor))
            var notes = Notes.mask
            if let method { notes.pruningMethods.append(method) }
            edit.addedNodes.append(
                Node(name: names.node(masked), op: Mul(), inputs: [weight, mask], outputs: [masked], notes: notes))
            edit.rewired[weight] = masked
        }
        edit.outputs = outputs
        return try applying(edit)
    }

    /// The Mul nodes that apply masks, with the initializers they read.
    package var maskNodes: [(node: Node, weight: ValueName, mask: ValueName)] {
        nodes.compactMap { node in
            guard node.notes.isMask, node.op is Mul, let weight = node.input(0), let mask = node.input(1),
                initializers[weight] != nil, initializers[mask] != nil
            else { return nil }
            return (node, weight, mask)
        }
    }

    /// The graph in which weights, and numbers of palettes, that are exactly zero are masked, so that training leaves them so.
    package func maskingZeros() throws -> Graph {
        var masks: [ValueName: Tensor] = [:]
        let index = GraphIndex(self)
        for site in weightSites where site.mask == nil && !site.isQuantized && masks[site.tensor] == nil {
            guard let weight = MaskedWeight(site.tensor, initializers[site.tensor], mask: nil), weight.keptCount < weight.count else { continue }
            masks[site.tensor] = weight.currentMask
        }
        for node in nodes where !node.notes.isMask {
            guard let table = EncodedWeight.table(behind: node, in: index), masks[table] == nil,
                let weight = MaskedWeight(table, initializers[table], mask: nil), weight.keptCount < weight.count
            else { continue }
            masks[table] = weight.currentMask
        }
        return masks.isEmpty ? self : try masking(masks)
    }

    /// The graph with masks (all, or those named) multiplied into their weights for good.
    package func foldingMasks(only masks: Set<ValueName>? = nil) throws -> Graph {
        try removingMasks(masks) { weight, mask in
            guard let masked = MaskedWeight("", weight, mask: mask) else {
                return Tensor(zip(weight.doubles(), mask.doubles()).map { $1 == 0 ? 0 : $0 }, shape: weight.shape, as: weight.elementType)
            }
            return masked.zeroed.spilled()
        }
    }

    /// The graph without masks (all, or those named), every weight as it was stored beneath.
    package func droppingMasks(only masks: Set<ValueName>? = nil) throws -> Graph {
        try removingMasks(masks) { weight, _ in weight }
    }

    private func removingMasks(_ masks: Set<ValueName>?, _ combine: (Tensor, Tensor) -> Tensor) throws -> Graph {
        var edit = GraphEdit()
        for (node, weight, mask) in maskNodes where masks?.contains(mask) ?? true {
            guard let tensor = initializers[weight], let maskTensor = initializers[mask], let output = node.output(0)
            else {
                continue
            }
            edit.removedNodes.insert(node.name)
            edit.rewired[output] = weight
            edit.initializers.append((weight, combine(tensor, maskTensor)))
        }
        return try applying(edit)
    }
}

extension Notes {
    private static let methodsKey = "winnow.pruning"

    /// The methods that made a mask, in the order they were applied, as the file records them.
    package var pruningMethods: [String] {
        get { properties[Self.methodsKey]?.split(separator: "\n").map(String.init) ?? [] }
        set { properties[Self.methodsKey] = newValue.isEmpty ? nil : newValue.joined(separator: "\n") }
    }
}
