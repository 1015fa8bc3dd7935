import WinnowGraph

/// What a sensitivity analysis changes alone.
public enum SensitivityUnit: String, Sendable, Codable, CaseIterable {
    /// One tensor.
    case weight
    /// One contraction with all weights it reads.
    case layer
    /// Channels that only go together.
    case group

    /// What changes it where nothing else is said.
    package var usualPass: any Pass.Type { self == .group ? StructuredPruning.self : MagnitudePruning.self }

    /// The parts of a graph by name, in node order, each with the tensors that a pass is told to work on.
    func parts(of graph: Graph) throws -> [(name: String, tensors: [ValueName])] {
        let sites = graph.weightSites + graph.capturedWeightSites
        switch self {
        case .weight: return Self.grouped(sites.map { ($0.tensor, $0.tensor) })
        case .layer: return Self.grouped(sites.map { ($0.holder.map { holder in "\(holder)/" } ?? "" + $0.node.name, $0.tensor) })
        case .group:
            let settled = try graph.settlingKnownExtents()
            let coupling = CouplingGroups(settled)
            let weights = coupling.channelWeights(in: settled)
            let order = Dictionary(weights.enumerated().map { ($1.tensor, $0) }, uniquingKeysWith: { first, _ in first })
            let groups = coupling.groups(madeBy: weights).map { group in
                group.weights.map(\.tensor).reduce(into: [ValueName]()) { if !$0.contains($1) { $0.append($1) } }
            }.sorted { order[$0[0]] ?? 0 < order[$1[0]] ?? 0 }
            // A tensor that makes several groups cannot be told to lose the channels of one alone.
            return Self.grouped(groups.flatMap { tensors in tensors.map { (tensors[0], $0) } })
        }
    }

    /// The tensors of each name, both in the order in which they first appear.
    private static func grouped(_ pairs: [(name: String, tensor: ValueName)]) -> [(name: String, tensors: [ValueName])] {
        var result: [(name: String, tensors: [ValueName])] = []
        var places: [String: Int] = [:]
        for (name, tensor) in pairs {
            if let place = places[name] {
                if !result[place].tensors.contains(tensor) { result[place].tensors.append(tensor) }
            } else {
                places[name] = result.count
                result.append((name, [tensor]))
            }
        }
        return result
    }
}
