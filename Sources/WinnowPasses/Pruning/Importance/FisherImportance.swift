package import WinnowGraph
import WinnowTensor

/// w² · mean(g²) / 2 over calibration samples, g = ∂loss/∂w of one sample: by how much the loss rises, to second order, when a
/// weight goes, with the empirical Fisher information as the Hessian's diagonal (Theis et al. 2018, equation 9; LeCun et al.
/// 1989).
package struct FisherImportance: ElementImportance {
    package static let name = "fisher"
    package static let needs = PassNeeds.calibration

    private var moments: [ValueName: ElementMoments] = [:]

    package init() {}

    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {
        moments = try LossGradients.moments(of: targets, in: graph, context)
    }

    package func scores(of weight: MaskedWeight) -> [Float]? {
        moments[weight.tensor].map { zip(weight.values.floats(), $0.meanSquares).map { $0 * $0 * $1 / 2 } }
    }
}
