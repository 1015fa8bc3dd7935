import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Each number goes up or down, whichever moves the layer's outputs least over calibration data together with all others: how far
/// up, a number h between 0 and 1, is learned by gradient descent on the outputs' error, and pushed to 0 or 1 in the end
/// (AdaRound; Nagel et al. 2020, equations 21 to 24). Outputs that nearest rounding would move less keep that.
package struct AdaptiveRounding: WeightRounding {
    package static let name = "adaround"
    package static let needs = PassNeeds.calibration
    /// Of 100 to 1000 steps and rates of 0.05 to 0.2 these gave nearly the least error on random layers, and soonest: 0.1 to 0.4 of
    /// that of nearest rounding.
    private static let rate: Float = 0.1

    private let choice: RoundingChoice

    package init(_ choice: RoundingChoice) { self.choice = choice }

    package func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) throws -> RoundedWeight? {
        guard let layer else { return nil }
        var rounding = LayerRounding(layer, task)
        for (columns, moment) in layer.moments {
            var learned = SoftRounding(rounding.weight[columns: columns], rounding.grid(columns: Array(columns)))
            // The error of each output counts as the part of that of nearest rounding, times the number of its weights.
            let factors = try rounding.errors(columns, moment).map { error in
                error > 0 ? Float(2 * Double(columns.count) / (error * Double(moment.rowCount))) : 0
            }
            for step in 0..<choice.roundingSteps {
                let (pressure, sharpness) = SoftRounding.push(after: Float(step) / Float(choice.roundingSteps))
                learned.step(
                    try moment.product(learned.differences), factors: factors, pressure: pressure, sharpness: sharpness, rate: Self.rate)
            }
            try rounding.take(learned.rounded, at: columns, moment)
        }
        return rounding.rounded
    }
}
