package import WinnowGraph

/// How much whole channels matter: those of the lowest scores go first.
package protocol ChannelImportance: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// The data that it must see.
    static var needs: PassNeeds { get }

    init()

    /// Learns what it must know of the data that meets these weights, and of the graph around them.
    mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws

    /// Whether it has anything to say of a weight's channels; a group of which it knows no weight is ranked by `l2`.
    func knows(_ member: ChannelMember) -> Bool

    /// Adds what one weight says of each channel.
    func add(_ member: ChannelMember, to sums: inout [Double])

    /// The scores of a group's channels from what its weights said.
    func scores(of sums: [Double]) -> [Double]

    /// The scores of the channels that these weights make together, as if they were one weight.
    func scores(of members: [ChannelMember]) -> [Double]
}

extension ChannelImportance {
    package static var needs: PassNeeds { .nothing }
    package mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {}
    package func knows(_ member: ChannelMember) -> Bool { true }
    package func scores(of sums: [Double]) -> [Double] { sums }
    package func scores(of members: [ChannelMember]) -> [Double] { scoresOfSums(members) }

    /// What each weight says, added up.
    func scoresOfSums(_ members: [ChannelMember]) -> [Double] {
        var sums = [Double](repeating: 0, count: members.first?.group.channelCount ?? 0)
        for member in members { add(member, to: &sums) }
        return scores(of: sums)
    }
}

/// An importance that looks at the numbers of the weights alone.
package protocol WeightChannelImportance: ChannelImportance {
    /// Adds what one weight says: for each channel the numbers that make it.
    func add(_ channels: [[Double]], to sums: inout [Double])
}

extension WeightChannelImportance {
    package func add(_ member: ChannelMember, to sums: inout [Double]) { add(member.numbers, to: &sums) }
}
