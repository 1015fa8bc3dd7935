package import WinnowOperators
package import WinnowTensor

/// Leaves convolutions alone.
package enum NoSplit: ConvolutionSplit {
    package static let name = "none"
    package static func split(_ conv: Conv, _ weight: Tensor, _ rule: RankRule) throws(Refusal) -> LayerSplit {
        throw Refusal("convolutions are not to be split")
    }
}
