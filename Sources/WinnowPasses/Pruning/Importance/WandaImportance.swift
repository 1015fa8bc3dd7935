package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// |w_ij| · ‖x_j‖₂ over calibration data, compared within each output (Wanda; Sun et al. 2023, equation 1): the score of a weight is
/// the part of its output's weights that score less. Layers whose axes do not tell the inputs, or
/// that only see zeros, fall back to magnitudes.
package struct WandaImportance: ElementImportance {
    package static let name = "wanda"
    package static let needs = PassNeeds.calibration
    package static let meaning = ScoreMeaning.ranks

    private var layers: [ValueName: (contraction: Contraction, norms: [Double])] = [:]

    package init() {}

    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {
        let contractions = targets.compactMap { $0.sites.first.flatMap { Contraction($0, in: graph) } }
        var statistics = Statistics()
        for contraction in contractions where graph.infos[contraction.data]?.elementType == .float32 {
            statistics.request(ChannelMoments(axis: contraction.dataAxis), of: contraction.data)
        }
        guard !statistics.isEmpty else { return }
        try statistics.gather(in: graph, context: context)
        for contraction in contractions {
            guard let norms = statistics[contraction.data, ChannelMoments.self]?.norms, norms.count == contraction.inputCount,
                norms.contains(where: { $0 > 0 })
            else { continue }
            layers[contraction.site.tensor] = (contraction, norms)
        }
    }

    package func scores(of weight: MaskedWeight) -> [Float]? {
        guard let (contraction, norms) = layers[weight.tensor] else { return nil }
        var matrix = contraction.matrix(of: Tensor(weight.magnitudesInUse, shape: weight.values.shape))
        let taps = max(1, contraction.tapCount)
        for row in 0..<matrix.rows {
            let products = (0..<matrix.columns).map { Double(matrix[row, $0]) * norms[$0 / taps] }
            let order = products.indices.filter { matrix[row, $0] >= 0 }.sorted { products[$0] != products[$1] ? products[$0] < products[$1] : $0 < $1 }
            for (rank, column) in order.enumerated() { matrix[row, column] = Float(rank) / Float(order.count) }
        }
        return contraction.weight(of: matrix).floats()
    }
}
