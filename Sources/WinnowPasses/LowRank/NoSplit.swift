import WinnowOperators
import WinnowTensor

/// Leaves convolutions alone.
enum NoSplit: ConvolutionSplit {
    static let name = "none"
    static func split(_ conv: Conv, _ weight: Tensor, _ rule: RankRule) throws(Refusal) -> LayerSplit {
        throw Refusal("convolutions are not to be split")
    }
}
