import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// The nodes between an initializer and the layer that reads it as a weight: masks, Q/DQ pairs, and what hands numbers on in another form.
package struct WeightPath: Sendable {
    package var tensor: ValueName
    /// From the initializer to the layer.
    package var nodes: [Node] = []
    package var mask: ValueName?
    package var isQuantized = false
    /// Axis i of what the layer reads is axis `order[i]` of the initializer; nil where axes were merged or split.
    package var order: [Int]?

    /// Goes back through a node that hands an input on; false where that changes numbers.
    fileprivate mutating func follow(_ passing: Passing) -> Bool {
        switch passing {
        case .unchanged, .converted, .neutral: break
        case .reshaped: order = nil
        case .permuted(let axes): order = order.map { order in order.map { axes[$0] } }
        case .between: return false
        }
        return true
    }
}

extension GraphIndex {
    /// The way from an initializer, of this graph or of one around it, to `value` of `rank` axes through masks, Q/DQ pairs,
    /// what hands numbers on as they are; nil if there is none.
    package func weightPath(to value: ValueName, rank: Int) -> WeightPath? {
        var path = WeightPath(tensor: value, order: Array(0..<rank))
        while graph.initializers[path.tensor] == nil, graph.captures[path.tensor] == nil {
            guard let producer = producer(of: path.tensor), let data = producer.input(0) else { return nil }
            var source = 0
            if producer.notes.isMask {
                guard let other = producer.input(1), constant(other) != nil else { return nil }
                path.mask = other
            } else if producer.op.inputRoles[1] == .scale {
                path.isQuantized = true
            } else {
                guard let passing = producer.op.passing(of: producer, in: self), path.follow(passing) else { return nil }
                if case .neutral(let input) = passing { source = input }
                let others = producer.inputs.indices.filter { $0 != source && !producer.inputs[$0].isEmpty }
                guard others.allSatisfy({ constant(producer.inputs[$0]) != nil }) else { return nil }
            }
            path.nodes.append(producer)
            path.tensor = source == 0 ? data : producer.inputs[source]
        }
        path.nodes.reverse()
        return path
    }

    /// Whether nothing but a layer reads its weight, on the whole way from the initializer.
    package func owns(_ site: WeightSite) -> Bool {
        guard let rank = info(of: site.operand)?.rank, let path = weightPath(to: site.operand, rank: rank) else { return false }
        return ([site.tensor] + path.nodes.compactMap { $0.output(0) }).allSatisfy { soleConsumer(of: $0) != nil }
    }

    /// Whether all that reads a layer's weight reads it in the form that the layer does.
    fileprivate func hasOneForm(_ site: WeightSite) -> Bool {
        guard let rank = info(of: site.operand)?.rank, let path = weightPath(to: site.operand, rank: rank), !isOutput(site.operand)
        else { return false }
        return ([site.tensor] + path.nodes.dropLast().compactMap { $0.output(0) }).allSatisfy { soleConsumer(of: $0) != nil }
    }
}

extension Graph {
    /// The graph in which a weight that is read in one form alone is stored as it is read: transposed, converted, reshaped. It keeps
    /// its name. A weight that others read otherwise stays.
    package func storingWeightsAsRead(where isWanted: (WeightSite) -> Bool = { _ in true }) throws -> Graph {
        let index = GraphIndex(self)
        var edit = GraphEdit()
        for site in weightSites where site.operand != site.tensor && site.mask == nil && !site.isQuantized && isWanted(site) {
            guard edit.rewired[site.operand] == nil, index.hasOneForm(site), let rank = infos[site.operand]?.rank, let path = index.weightPath(to: site.operand, rank: rank),
                let tensor = try computing(site.operand, by: path.nodes)
            else { continue }
            edit.removedNodes.formUnion(path.nodes.map(\.name))
            edit.initializers.append((site.tensor, tensor.spilled()))
            edit.rewired[site.operand] = site.tensor
        }
        return edit.removedNodes.isEmpty ? self : try applying(edit)
    }
}
