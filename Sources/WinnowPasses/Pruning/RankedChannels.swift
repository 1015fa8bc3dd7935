import WinnowEngine
import WinnowGraph
import WinnowTensor

/// The channels of one group, with the weights that make them and, once ranked, their importance.
struct RankedChannels {
    let group: CouplingGroups.Group
    /// Each operand once.
    let members: [ChannelMember]
    private(set) var scores: [Float] = []
    /// Whether the importance asked for knew none of the weights, or no number for a channel.
    private(set) var fallsBack = false
    /// The tensors and nodes that make the channels.
    let names: [String]

    /// nil where what a node reads of a weight cannot be computed.
    init?(_ group: CouplingGroups.Group, _ weights: [ChannelWeight], _ coupling: CouplingGroups, _ graph: Graph) {
        var seen: Set<ValueName> = []
        let own = weights.filter { seen.insert($0.operand).inserted }
        members = own.compactMap { ChannelMember($0, of: group, coupling, graph) }
        guard members.count == own.count else { return nil }
        names = weights.flatMap { [$0.tensor, $0.node.name] }
        self.group = group
    }

    /// The first weight with numbers that are not finite, which nothing can be ranked by.
    var flawed: (tensor: ValueName, reason: String)? {
        members.lazy.compactMap { member in member.flaw.map { (member.weight.tensor, $0) } }.first
    }

    mutating func rank(_ ranking: ChannelRanking, by importance: any ChannelImportance) {
        let known = members.filter { importance.knows($0) }
        fallsBack = known.isEmpty
        if !fallsBack {
            scores = ranking.scores(of: known, by: importance)
            fallsBack = scores.contains(where: \.isNaN)
        }
        if fallsBack { scores = ranking.scores(of: members, by: L2Importance()) }
    }
}

extension Graph {
    /// What a node reads of constants, as numbers: codes by what they stand for; nil where that cannot be computed here.
    func numbers(of value: ValueName) -> Tensor? {
        guard let codes = initializers[value], codes.elementType.isInteger, let stored = storedCodes[value] else {
            return constantValue(of: value)
        }
        return stored.numbers(of: codes)
    }
}
