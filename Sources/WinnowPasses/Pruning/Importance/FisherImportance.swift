package import WinnowGraph

/// w² · mean(g²) / 2 over calibration samples, g = ∂loss/∂w of one sample: by how much the loss rises, to second order, when a
/// weight goes, with the empirical Fisher information as the Hessian's diagonal (Theis et al. 2018, equation 9; LeCun et al.
/// 1989).
package struct FisherImportance: GradientImportance {
    package static let name = "fisher"

    package var moments: [ValueName: ElementMoments] = [:]

    package init() {}

    package static func scores(of weights: [Float], _ moments: ElementMoments) -> [Float] {
        zip(weights, moments.meanSquares).map { $0 * $0 * $1 / 2 }
    }
}
