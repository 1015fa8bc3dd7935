import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Each output's scale, of all its blocks together, is the part of the weight's range, of 20 between 0.4 and 1, with which the
/// nearest codes move the layer's output least over calibration data (sequential MSE, as AIMET has it; the grid is narrower where
/// codes are many). With `sequential` the inputs are those that the layers before give by then.
package struct SequentialMSERounding: WeightRounding {
    package static let name = "sequential-mse"
    package static let needs = PassNeeds.calibration
    private static let parts = (0..<20).map { 1 - 0.03 * Float($0) }

    package init(_ choice: RoundingChoice) {}

    package func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) throws -> RoundedWeight? {
        guard let layer else { return nil }
        var rounding = LayerRounding(layer, task)
        for part in Self.parts.dropFirst() {
            let parameters = task.parameters.settingScales(task.parameters.scales.map { $0 * part })
            let values = layer.contraction.matrix(of: parameters.roundTrip(task.target.values))
            try rounding.take(values, with: parameters)
        }
        return rounding.rounded
    }
}
