package import WinnowGraph
import WinnowTensor

/// The mean over calibration samples of (Σ w·g)², the sum over the weights that make a channel: by how much the loss of a
/// sample changes, to first order, when a gate closes the channel (Molchanov et al. 2019, equations 7 and 8). It is the square
/// of a sum over a channel, of all weights that make it where they count as one; the sum of its weights' squares is `fisher`.
package struct TaylorChannelImportance: ChannelImportance {
    package static let name = "taylor"
    package static let needs = PassNeeds.calibration

    private var products: [ChannelMember.ID: GatedProducts] = [:]

    package init() {}

    package mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        let weights = members.gradientOperands(in: graph)
        guard !weights.isEmpty else { return }
        var gradients = try LossGradients(of: weights, in: graph, context)
        let sizes = Dictionary(members.map { ($0.group.id, 1) }, uniquingKeysWith: +)
        for member in members {
            let products = GatedProducts(
                member.floats, member.channels, count: member.group.channelCount, keepsBatches: sizes[member.group.id] ?? 1 > 1)
            gradients.request(products, of: member.weight.operand, key: "\(member.group.id)")
        }
        try gradients.gather()
        for member in members {
            products[member.id] = gradients[member.weight.operand, GatedProducts.self, key: "\(member.group.id)"]
        }
    }

    package func knows(_ member: ChannelMember) -> Bool { products[member.id] != nil }

    package func add(_ member: ChannelMember, to sums: inout [Double]) {
        for (channel, score) in (products[member.id]?.meanSquares ?? []).enumerated() { sums[channel] += score }
    }

    package func scores(of members: [ChannelMember]) -> [Double] {
        GatedProducts.meanSquaresOfSums(members.compactMap { products[$0.id] }) ?? scoresOfSums(members)
    }
}
