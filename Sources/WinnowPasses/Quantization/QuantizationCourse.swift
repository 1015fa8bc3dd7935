import WinnowGraph
import WinnowOperators
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
    @Hyperparameter("how weights become codes: nearest as they are trained, or learned, up or down while they stay")
    public var rounding = TrainedRounding.nearest
    @Hyperparameter("learned rounding: its learning rate as a part of the others'", in: 0...1e6, counts: .with("rounding", ["learned"])) public var roundingRate = 300.0
    @Hyperparameter("learned rounding: what pushing each up or down counts beside the loss", in: 0...1e6, counts: .with("rounding", ["learned"])) public var roundingPressure = 10.0

    private static let (sharpness, pressure) = ("rounding.sharpness", "rounding.pressure")

    public init() {}

    /// Whether weights stay where they are, and their roundings are trained.
    var learnsRoundings: Bool { rounding == .learned }

    /// Takes pairs into the model that is trained, with normalizations in weights and more bits at first, and what acts on both between
    /// steps.
    @discardableResult
    func apply(
        to setup: inout TrainingSetup, _ pairs: QuantizationPairs, _ normalizations: TrainedNormalizations
    ) throws -> LoweredBits? {
        setup.findings += pairs.findings
        if learnsRoundings {
            try learnRoundings(of: pairs, &setup)
        } else {
            setup.model = try normalizations.unfolding(pairs.graph)
            if let hook = normalizations.hook(in: setup.model) { setup.hooks.append(hook) }
        }
        let lowered = try fromBits.flatMap { try LoweredBits(from: $0, powersOfTwo: pairs.hasPowersOfTwo, in: &setup.model) }
        if let lowered { setup.hooks.append(lowered) }
        return lowered
    }

    private func learnRoundings(of pairs: QuantizationPairs, _ setup: inout TrainingSetup) throws {
        var pairs = pairs
        try pairs.learnRoundings()
        setup.model = pairs.graph
        setup.frozen.formUnion(pairs.weightScales.flatMap { [$0.site.tensor, $0.name] })
        let learned = setup.model.learnedRoundings.map(\.learned)
        for name in learned { setup.options[name] = ParameterOptions(learningRateFactor: Float(roundingRate), decaysWeights: false) }
        setup.hooks.append(RoundingHook(learned, sharpness: Self.sharpness, pressure: Self.pressure, strength: roundingPressure))
    }

    /// Adds what pushes roundings up or down to the objective.
    func extendObjective(_ setup: inout TrainingSetup) throws {
        let learned = setup.model.learnedRoundings.map(\.learned)
        guard learnsRoundings, !learned.isEmpty, let objective = setup.objective else { return }
        let counts = learned.map { Double(setup.model.initializers[$0]?.elementCount ?? 0) }
        let total = max(1, counts.reduce(0, +))
        setup.objective = try objective.extended { b in
            let (sharpness, pressure) = (b.constant(Self.sharpness, scalar: Float(20)), b.constant(Self.pressure, scalar: Float(0)))
            let looseness = try Loss.weightedSum(b, zip(learned, counts).map { ($1 / total, try b.roundingLooseness($0, sharpness)) })
            return try b.add(objective.loss, b.multiply(looseness, pressure))
        }
    }
}
