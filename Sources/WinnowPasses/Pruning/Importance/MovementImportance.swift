import Foundation
package import WinnowGraph

/// −Σ w · ∂loss/∂w over calibration samples: weights that a step of training would take away from 0 score high, those that it
/// would take towards 0 score low (movement pruning; Sanh et al. 2020, equation 5, in one shot: the weights stay while
/// gradients are summed).
package struct MovementImportance: GradientImportance {
    package static let name = "movement"
    package static let meaning = ScoreMeaning.ranks

    package var moments: [ValueName: ElementMoments] = [:]

    package init() {}

    package static func scores(of weights: [Float], _ moments: ElementMoments) -> [Float] {
        zip(weights, moments.sums).map { rank(-Double($0) * Double($1)) }
    }

    /// A number from 0 that rises with x, negative or not, as finely near 0 as far from it.
    static func rank(_ x: Double) -> Float { Float(100 + asinh(min(max(x, -1e30), 1e30) * 1e12)) }
}
