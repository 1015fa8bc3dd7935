package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A weight together with its pruning mask, as lists of numbers.
package struct MaskedWeight: Sendable {
    package var tensor: ValueName
    package var values: [Float]
    /// Which weights are still in use: not masked, and without a mask, not zero.
    package var kept: [Bool]
}

extension MaskedWeight {
    /// nil unless the tensor is float32.
    package init?(_ site: WeightSite, in graph: Graph) {
        guard let values = graph.initializers[site.tensor]?.elements(Float.self) else { return nil }
        tensor = site.tensor
        self.values = values
        kept =
            site.mask.flatMap { graph.initializers[$0] }.map { $0.floats().map { $0 != 0 } } ?? values.map { $0 != 0 }
    }

    func keeping(_ kept: [Bool]) -> MaskedWeight {
        var result = self
        result.kept = kept
        return result
    }

    /// w² / Σ of the kept squares that are not smaller: comparable between tensors of different width.
    var layerAdaptiveScores: [Float] {
        let order = kept.indices.filter { kept[$0] }.sorted {
            values[$0].magnitude != values[$1].magnitude ? values[$0].magnitude > values[$1].magnitude : $0 > $1
        }
        var scores = [Float](repeating: 0, count: values.count)
        var sum = 0.0
        for index in order {
            let square = Double(values[index]) * Double(values[index])
            sum += square
            scores[index] = sum > 0 ? Float(square / sum) : 0
        }
        return scores
    }

    /// The part that is masked or zero.
    package var sparsity: Double {
        guard !values.isEmpty else { return 0 }
        return Double(zip(values, kept).count { $0 == 0 || !$1 }) / Double(values.count)
    }
}

extension Graph {
    /// The graph in which these weights are multiplied by 0/1 masks: `W.masked = Mul(W, W.mask)`. Masks that are there
    /// already get new contents.
    package func masking(_ masks: [ValueName: [Bool]]) throws -> Graph {
        var edit = GraphEdit()
        for name in initializerNames {
            guard let kept = masks[name], let weight = initializers[name] else { continue }
            let mask = Tensor(kept.map { $0 ? Float(1) : 0 }, shape: weight.shape)
            edit.initializers.append((name.maskName, mask))
            if initializers[name.maskName] != nil { continue }
            let masked = freshValueName("\(name).masked")
            edit.addedNodes.append(Node(name: masked, op: Mul(), inputs: [name, name.maskName], outputs: [masked]))
            edit.rewired[name] = masked
        }
        return try applying(edit)
    }

    /// The Mul nodes that apply masks, with the initializers they read.
    package var maskNodes: [(node: Node, weight: ValueName, mask: ValueName)] {
        nodes.compactMap { node in
            guard node.op.type.description == "Mul", let weight = node.input(0), let mask = node.input(1),
                mask.isMaskName, initializers[weight] != nil, initializers[mask] != nil
            else { return nil }
            return (node, weight, mask)
        }
    }

    /// The graph in which weights that are exactly zero are masked, so that training leaves them so.
    package func maskingZeros() throws -> Graph {
        var masks: [ValueName: [Bool]] = [:]
        for site in weightSites where site.mask == nil && !site.isQuantized {
            guard let values = initializers[site.tensor]?.elements(Float.self), values.contains(0) else { continue }
            masks[site.tensor] = values.map { $0 != 0 }
        }
        return masks.isEmpty ? self : try masking(masks)
    }

    /// The graph with masks (all, or those named) multiplied into their weights for good.
    package func foldingMasks(only masks: Set<ValueName>? = nil) throws -> Graph {
        try removingMasks(masks) { weight, mask in
            Tensor(zip(weight.floats(), mask.floats()).map { $1 == 0 ? 0 : $0 }, shape: weight.shape)
        }
    }

    /// The graph without masks, every weight as it was stored beneath.
    package func droppingMasks() throws -> Graph { try removingMasks(nil) { weight, _ in weight } }

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
