package import WinnowGraph

/// |w · ḡ|, ḡ the mean over calibration samples of ∂loss/∂w: by how much the mean loss changes, to first order, when a weight
/// goes. It is the root of (w · Σg)², the square of the sum over the data (Molchanov et al. 2019, equation 8); the sum of
/// squares is `fisher`.
package struct TaylorImportance: GradientImportance {
    package static let name = "taylor"

    package var moments: [ValueName: ElementMoments] = [:]

    package init() {}

    package static func scores(of weights: [Float], _ moments: ElementMoments) -> [Float] {
        zip(weights, moments.means).map { ($0 * $1).magnitude }
    }
}
