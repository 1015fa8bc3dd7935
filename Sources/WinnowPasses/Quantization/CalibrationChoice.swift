import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// How the ranges of activations are found on calibration data.
public struct CalibrationChoice: HyperparameterGroup {
    @Hyperparameter("how activation ranges are found") public var range: Chosen<RangeRules> = "mse"
    @Hyperparameter(
        "percent of the values, or tokens, inside the range, in percentile and token-percentile", in: 50...100,
        counts: .with("range", ["percentile", "token-percentile"]))
    public var percentile = 99.99
    @Hyperparameter("calibration samples to run at most", in: 1...1e9) public var samples = 512
    @Hyperparameter("ranges of Sigmoid, Softmax and Tanh from their definition, 1 the first number without a code")
    public var fixedRanges = false
    package var batchSize = 8

    public init() {}

    package var rule: any RangeRule { range.member.init(percentile: percentile) }

    /// How a value of which this was seen becomes codes; `isDefined`: by its definition alone, where that has bounds.
    func parameters(
        of value: ValueName, _ observed: ObservedRange?, _ scheme: ActivationScheme, isDefined: Bool, in index: GraphIndex
    ) -> QuantizationParameters {
        if fixedRanges || isDefined, let bounds = index.producer(of: value)?.op.outputBounds { return scheme.parameters(within: bounds) }
        return scheme.parameters(for: observed.flatMap { rule.range(of: $0, for: scheme) } ?? 0...0)
    }

    /// What was seen of every float32 value listed, by name. Throws `.numeric` naming a value that became infinite or NaN.
    package func observe(_ values: [ValueName], in graph: Graph, context: PassContext) throws -> [ValueName: ObservedRange] {
        var statistics = Statistics()
        for value in values {
            statistics.request(ObservedRange([.growing, type(of: rule).needs]), of: value)
            if type(of: rule).needsTokens { statistics.request(TokenExtremes(), of: value) }
        }
        try statistics.gather(in: graph, context: context, sampleCount: samples, batchSize: batchSize)
        let observed = values.map { value in
            var observed = statistics[value, ObservedRange.self] ?? ObservedRange()
            observed.tokens = statistics[value, TokenExtremes.self]
            return (value, observed)
        }
        return Dictionary(observed, uniquingKeysWith: { first, _ in first })
    }
}
