import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// How the ranges of activations are found on calibration data.
public struct CalibrationChoice: HyperparameterGroup {
    @Hyperparameter("how activation ranges are found") public var range: Chosen<RangeRules> = "min-max"
    @Hyperparameter("percent of the values inside the range, in percentile", in: 50...100) public var percentile = 99.99
    @Hyperparameter("calibration samples to run at most", in: 1...1e9) public var samples = 512
    package var batchSize = 8

    public init() {}

    /// The range of every float32 value listed, for codes of so many levels; values never seen are left out.
    /// Throws `.numeric` naming a value that became infinite or NaN.
    package func ranges(
        of values: [ValueName], levels: (ValueName) -> Int = { _ in 256 }, in graph: Graph, context: PassContext
    ) throws -> [ValueName: ClosedRange<Float>] {
        var statistics = Statistics()
        for value in values { statistics.request(ObservedRange(keepsHistogram: range.member.needsHistogram), of: value) }
        try statistics.gather(in: graph, context: context, sampleCount: samples, batchSize: batchSize)
        let observed = values.map { ($0, statistics[$0, ObservedRange.self] ?? ObservedRange()) }
        if let broken = observed.first(where: { $0.1.sawNonFinite }) {
            throw WinnowError(.numeric, "value \(broken.0)", "became infinite or NaN on the calibration data")
        }
        let rule = range.member.init(percentile: percentile)
        let ranges = observed.compactMap { value, seen in rule.range(of: seen, levels: levels(value)).map { (value, $0) } }
        return Dictionary(ranges, uniquingKeysWith: { first, _ in first })
    }
}
