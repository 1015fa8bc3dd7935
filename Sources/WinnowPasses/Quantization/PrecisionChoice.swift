import Foundation
import WinnowEngine
import WinnowGraph
import WinnowTensor

/// Which layers become integers, by what rounding them does to the outputs.
public struct PrecisionChoice: HyperparameterGroup {
    @Hyperparameter(
        "SQNR in dB that the outputs have at least; layers stay float until it holds; 0: all become integers", in: 0...200,
        counts: .absent("max-drop"), .absent("latency"))
    public var outputSqnr = 28.0
    @Hyperparameter(
        "points that validation accuracy or agreement may drop, or a metric in its unit; layers stay float until it holds, in place of output-sqnr",
        in: 0...1e6)
    public var maxDrop: Double? = nil
    @Hyperparameter(
        "part of a sample's latency, measured here, or time: 60%, 3ms; as few layers become integers as keep it, in place of output-sqnr",
        in: 0.01...1, counts: .absent("max-drop"))
    public var latency: LatencyLimit? = nil
    @Hyperparameter("move biases by what rounding the weights takes of the mean of each channel") public var correctBiases = true

    public init() {}

    /// Samples for means and for the outputs.
    private static let (meanSamples, outputSamples) = (32, 16)

    /// The graph with as much in integers as the bound allows.
    ///
    /// Where fewer bits than 8 are asked of weights, `outputSqnr` is that of 8, and where they are asked of activations it asks
    /// for nothing: what is below was the caller's choice.
    func pairs(of layers: CalibratedLayers, original: Graph, _ context: PassContext) throws -> QuantizationPairs {
        guard maxDrop == nil || latency == nil else {
            throw WinnowError(.recipe, "latency", "and max-drop both say which layers stay float", remedy: "set one of them")
        }
        let plan = layers.plan()
        guard !plan.sites.isEmpty else { return try QuantizationPairs(layers, plan) }
        var (layers, context) = (layers, context)
        context.progress = nil
        func shifts(_ layers: CalibratedLayers) throws -> [WeightShift] {
            try WeightShift.gather(
                layers.weightParameters(of: plan.sites), in: layers.graph, context, sampleCount: Self.meanSamples)
        }
        let own = try correctBiases ? shifts(layers) : []
        func pairs(_ plan: QuantizationPlan) throws -> QuantizationPairs {
            try QuantizationPairs(layers.correcting(by: own, for: plan.sites), plan)
        }
        guard outputSqnr > 0 && layers.arithmetic.hasKernels || maxDrop != nil || latency != nil else { return try pairs(plan) }
        let usual = layers.with(weightBits: 8)
        let changes = try correctBiases && layers.weightBits == 8 ? own : shifts(usual)
        let search = try PrecisionSearch(usual, changes, correctsBiases: correctBiases, context, sampleCount: Self.outputSamples)
        let choice = try maxDrop.map { try search.choice(dropping: $0, from: original, pairs) }
            ?? latency.map { try search.choice(within: $0, of: original, pairs) }
            ?? search.choice(untilNoiseIs: pow(10, -outputSqnr / 10))
        layers.noises = search.noises
        var result = try pairs(choice.plan)
        result.note(choice.findings)
        return result
    }
}
