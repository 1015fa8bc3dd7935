import Foundation
import WinnowEngine
import WinnowGraph
import WinnowTensor

/// Which layers become integers, by what rounding them does to the outputs.
public struct PrecisionChoice: HyperparameterGroup {
    @Hyperparameter("SQNR in dB that the outputs have at least; layers stay float until it holds; 0: all become integers", in: 0...200)
    public var outputSqnr = 28.0
    @Hyperparameter(
        "points of a hundred that validation accuracy or agreement may drop; layers stay float until it holds, in place of output-sqnr",
        in: 0...100)
    public var maxDrop: Double? = nil
    @Hyperparameter("move biases by what rounding the weights takes of the mean of each channel") public var correctBiases = true

    public init() {}

    /// Samples for means and for the outputs.
    private static let (meanSamples, outputSamples) = (32, 16)

    /// The graph with as much in integers as the bound allows.
    func pairs(of layers: CalibratedLayers, original: Graph, _ context: PassContext) throws -> QuantizationPairs {
        let plan = layers.plan()
        guard !plan.sites.isEmpty else { return try QuantizationPairs(layers, plan) }
        var context = context
        context.progress = nil
        let shifts = try correctBiases || outputSqnr > 0 || maxDrop != nil
            ? WeightShift.gather(layers.weightParameters(of: plan.sites), in: layers.graph, context, sampleCount: Self.meanSamples) : []
        guard outputSqnr > 0 || maxDrop != nil else {
            return try QuantizationPairs(layers.correcting(by: shifts, for: plan.sites), plan)
        }
        let search = try PrecisionSearch(layers, shifts, correctsBiases: correctBiases, context, sampleCount: Self.outputSamples)
        if let maxDrop { return try search.pairs(dropping: maxDrop, from: original) }
        return try search.pairs(untilNoiseIs: pow(10, -outputSqnr / 10))
    }
}
