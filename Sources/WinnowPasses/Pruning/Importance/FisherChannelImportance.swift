package import WinnowGraph
import WinnowTensor

/// Σ w² · mean(g²) / 2 over the weights that make a channel: by how much the loss rises, to second order, with the empirical
/// Fisher information as the Hessian's diagonal (LeCun et al. 1989; Theis et al. 2018).
package struct FisherChannelImportance: ChannelImportance {
    package static let name = "fisher"
    package static let needs = PassNeeds.calibration

    private var moments: [ValueName: ElementMoments] = [:]

    package init() {}

    package mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        let weights = members.gradientOperands(in: graph)
        guard !weights.isEmpty else { return }
        var gradients = try LossGradients(of: weights, in: graph, context)
        for weight in weights { gradients.request(ElementMoments(), of: weight) }
        try gradients.gather()
        for weight in weights { moments[weight] = gradients[weight, ElementMoments.self] }
    }

    package func knows(_ member: ChannelMember) -> Bool { moments[member.weight.operand] != nil }

    package func add(_ member: ChannelMember, to sums: inout [Double]) {
        guard let squares = moments[member.weight.operand]?.meanSquares else { return }
        for ((value, square), channel) in zip(zip(member.floats, squares), member.channels) where channel >= 0 {
            sums[Int(channel)] += Double(value * value * square) / 2
        }
    }
}

extension [ChannelMember] {
    /// The float32 operands whose gradients can be asked for, each once.
    func gradientOperands(in graph: Graph) -> [ValueName] {
        var seen: Set<ValueName> = []
        return map(\.weight.operand).filter { graph.infos[$0]?.elementType == .float32 && seen.insert($0).inserted }
    }
}
