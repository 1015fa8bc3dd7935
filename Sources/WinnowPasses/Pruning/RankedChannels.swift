import WinnowEngine
import WinnowGraph
import WinnowTensor

/// The channels of one group with their importance.
struct RankedChannels {
    let group: CouplingGroups.Group
    let scores: [Float]
    /// The tensors and nodes that make the channels.
    let names: [String]

    /// nil where what a node reads of a weight cannot be computed.
    init?(
        _ group: CouplingGroups.Group, _ weights: [ChannelWeight], _ coupling: CouplingGroups, _ graph: Graph,
        _ importance: any ChannelImportance
    ) {
        self.group = group
        var sums = [Double](repeating: 0, count: group.channelCount)
        var seen: Set<ValueName> = []
        for weight in weights where seen.insert(weight.operand).inserted {
            guard let axis = weight.axis, let id = coupling.classID(of: weight.operand, axis: axis),
                let values = graph.constantValue(of: weight.operand)
            else { return nil }
            // The channel of every place along the axis, also where it is composed of several.
            let channel = coupling.classes.channels(of: id, in: group.id)
            let extent = values.shape[axis]
            let inner = values.shape[(axis + 1)...].reduce(1, *)
            var numbers = [[Double]](repeating: [], count: group.channelCount)
            for piece in values.pieces {
                for (index, value) in zip(piece, values.doubles(in: piece)) {
                    if let channel = channel[(index / inner) % extent] { numbers[channel].append(value) }
                }
            }
            importance.add(numbers, to: &sums)
        }
        names = weights.flatMap { [$0.tensor, $0.node.name] }
        scores = sums.map { Float(importance.score($0)) }
    }

    /// Scores divided by their mean, so that groups of different size compare.
    var normalizedScores: [Float] {
        let mean = scores.reduce(0, +) / Float(max(1, scores.count))
        return mean > 0 ? scores.map { $0 / mean } : scores
    }
}

extension Graph {
    /// The elements of an initializer or of what nodes compute from initializers alone; nil where that cannot be run here.
    func constantValue(of value: ValueName) -> Tensor? {
        if let tensor = initializers[value] { return tensor }
        let sources = Set(constantSources(of: value))
        let needed = nodes.filter { $0.outputs.contains { $0 == value || sources.contains($0) } }
        return try? computing(value, by: needed)
    }
}
