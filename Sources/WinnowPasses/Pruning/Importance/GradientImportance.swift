package import WinnowGraph
import WinnowTensor

/// An importance of single weights that follows from how a loss changes with each, sample by sample (`LossGradients`).
package protocol GradientImportance: ElementImportance {
    /// What was learned of the gradient of each weight.
    var moments: [ValueName: ElementMoments] { get set }

    /// A score, not below 0, for each weight.
    static func scores(of weights: [Float], _ moments: ElementMoments) -> [Float]
}

extension GradientImportance {
    package static var needs: PassNeeds { .calibration }

    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {
        moments = try LossGradients.moments(of: targets, in: graph, context)
    }

    package func scores(of weight: MaskedWeight) -> [Float]? {
        moments[weight.tensor].map { Self.scores(of: weight.values.floats(), $0) }
    }
}
