package import WinnowGraph
import WinnowTensor

/// |w · ḡ|, ḡ the mean over calibration samples of ∂loss/∂w: by how much the mean loss changes, to first order, when a weight
/// goes. It is the root of (w · Σg)², the square of the sum over the data (Molchanov et al. 2019, equation 8); the sum of
/// squares is `fisher`.
package struct TaylorImportance: ElementImportance {
    package static let name = "taylor"
    package static let needs = PassNeeds.calibration

    private var moments: [ValueName: ElementMoments] = [:]

    package init() {}

    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {
        moments = try LossGradients.moments(of: targets, in: graph, context)
    }

    package func scores(of weight: MaskedWeight) -> [Float]? {
        moments[weight.tensor].map { zip(weight.values.floats(), $0.means).map { ($0 * $1).magnitude } }
    }
}
