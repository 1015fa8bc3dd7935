import WinnowGraph
import WinnowTensor
import WinnowTraining

/// What changes in the course of a training run with quantization.
public struct QuantizationCourse: HyperparameterGroup {
    @Hyperparameter("train weights with the BatchNormalization behind them in them, as they will be written") public var foldBatchNorm = true
    @Hyperparameter(
        "part of the run after which such BatchNormalizations keep their statistics", in: 0...1, counts: .with("fold-batch-norm", ["true"]))
    public var freezeStatistics = 0.5
    @Hyperparameter(
        "bits of codes at first, which fall one by one to those asked for in equal parts of the run; none: those asked for from the start",
        in: 3...8)
    public var fromBits: Int? = nil

    public init() {}

    /// Takes pairs into the model that is trained, with normalizations in weights and more bits at first, and what acts on both between
    /// steps.
    @discardableResult
    func apply(
        to setup: inout TrainingSetup, _ pairs: QuantizationPairs, _ normalizations: TrainedNormalizations
    ) throws -> LoweredBits? {
        setup.model = try normalizations.unfolding(pairs.graph)
        setup.findings += pairs.findings
        if let hook = normalizations.hook(in: setup.model) { setup.hooks.append(hook) }
        let lowered = try fromBits.flatMap { try LoweredBits(from: $0, in: &setup.model) }
        if let lowered { setup.hooks.append(lowered) }
        return lowered
    }
}
