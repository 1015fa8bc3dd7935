import WinnowKernels
package import WinnowOperators
package import WinnowTensor

/// k×k with few channels, then 1×1 (Zhang et al. 2016, section 2).
package enum ChannelSplit: ConvolutionSplit {
    package static let name = "channel"

    package static func split(_ conv: Conv, _ weight: Tensor, _ rule: RankRule) throws(Refusal) -> LayerSplit {
        let shape = weight.shape
        let rest = shape[1] * shape[2] * shape[3]
        let (left, right, energy) = try rule.factors(of: Matrix(weight.elements(Float.self) ?? [], rows: shape[0], columns: rest))
        let rank = left.columns
        return LayerSplit(
            layers: [
                (conv, Tensor(right.elements, shape: [rank, shape[1], shape[2], shape[3]])),
                (Conv(stride: 1, padding: 0), Tensor(left.elements, shape: [shape[0], rank, 1, 1])),
            ], ranks: [(rank, min(shape[0], rest))], energy: energy)
    }
}
