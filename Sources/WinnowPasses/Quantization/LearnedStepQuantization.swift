public import WinnowGraph
import WinnowTensor
import WinnowTraining

/// Quantization-aware training in which the step sizes are trained along with the weights.
///
/// ∂x̂/∂s = (x̂ − x)/s inside the range and the limiting code outside, gradients scaled by 1/√(n·q_max)
/// (LSQ; Esser et al. 2020, equations 3 and 4). Activations may have learned offsets too (LSQ+; Bhalgat et al. 2020), or learned ends of
/// their ranges in place of steps (PACT; Choi et al. 2018).
public struct LearnedStepQuantization: TrainingPass {
    public static let name = "learned-step-quantization"
    public static let decides: TrainingDecision? = .codes
    public static let summary = "trains quantization steps together with the weights, then stores the integers"
    public static let guide = """
        As quantization-aware-training, but the scales of weights and activations are parameters with gradients of their \
        own (LSQ), and by activation-learning offsets of activations too (LSQ+) or the ends of their ranges (PACT). It pays at 4 bits and less. Scales start at the calibrated ranges, those of weights below 8 bits at \
        2·mean|w|/√q_max.
        """
    public static let strengths = [Strength("weights", rising: ["int8", "int4", "int2"])]

    @Hyperparameter("integers that weights become") public var weights = WeightCodes.int8
    public var codes = LayerCodes()
    @Hyperparameter("train the steps of activations too") public var learnActivations = true
    @Hyperparameter(
        "what is trained of activations: steps, steps and offsets (LSQ+), or where their ranges end (PACT)",
        counts: .with("learn-activations", ["true"]))
    public var activationLearning = ActivationLearning.steps
    @Hyperparameter("learning rate of the steps as a part of the weights'", in: 0...10) public var stepRate = 0.01
    public var calibration = CalibrationChoice()
    public var course = QuantizationCourse()
    public var choice = WeightChoice()

    public init() {}

    public func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws {
        setup.computeInFloat32()
        let normalizations = try TrainedNormalizations(setup.model, course)
        var pairs = try QuantizationPairs(arithmetic, calibration, choice, graph: normalizations.folded, avoiding: normalizations.names, context: context)
        if learnActivations { try learn(activationsOf: &pairs, &setup) }
        if !course.learnsRoundings { pairs.graph = try pairs.graph.settingInitializers(starts(of: pairs)) }
        if codes.scales == .powerOfTwo {
            let weights = course.learnsRoundings ? [] : pairs.weightScales.map(\.name)
            try pairs.roundStepsToPowers(weights + (learnActivations ? pairs.activationScales.map(\.name) : []))
        }
        try course.apply(to: &setup, pairs, normalizations)
        guard !course.learnsRoundings else { return }
        for (name, site, parameters) in pairs.weightScales {
            let count = (setup.model.initializers[site.tensor]?.elementCount ?? 1) / max(1, parameters.scales.count)
            setup.options[name] = options(elementCount: count, limit: parameters.codes.upperBound)
        }
    }

    private func learn(activationsOf pairs: inout QuantizationPairs, _ setup: inout TrainingSetup) throws {
        guard activationLearning != .clipping else {
            for name in try pairs.learnRanges() { setup.options[name] = ParameterOptions(learningRateFactor: Float(stepRate)) }
            return
        }
        let offsets = try activationLearning == .offsets ? pairs.learnOffsets() : [:]
        for (name, count, limit) in pairs.activationScales {
            let own = options(elementCount: count, limit: limit)
            setup.options[name] = own
            if let offset = offsets[name] {
                setup.options[offset] = own
                setup.options[offset]?.minimum = nil
            }
        }
    }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws { try course.extendObjective(&setup) }

    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult {
        let activations = try graph.settlingBits().settlingRanges().settlingPowers().settlingOffsets()
        let settled = try activations.foldingMasks().settlingRoundings().foldingTrainedNormalizations()
        let (stored, findings) = try settled.storingIntegers(for: arithmetic)
        return PassResult(graph: stored, findings: findings)
    }

    public var keepsWeights: Bool { course.learnsRoundings }

    private var arithmetic: IntegerArithmetic {
        get throws { try codes.arithmetic(weightBits: weights.bits, storedAs: weights.elementType, clipsWeights: course.learnsRoundings) }
    }

    private func options(elementCount: Int, limit: Int) -> ParameterOptions {
        ParameterOptions(
            learningRateFactor: Float(stepRate), gradientScale: 1 / Float(max(1, elementCount * limit)).squareRoot(),
            decaysWeights: false, minimum: 1e-8)
    }

    /// Starting steps of weights of less than 8 bits: 2·mean|w|/√q_max of each slice.
    private func starts(of pairs: QuantizationPairs) -> [ValueName: Tensor] {
        var starts: [ValueName: Tensor] = [:]
        for (name, site, parameters) in pairs.weightScales where parameters.elementType.bitWidth < 8 {
            let axis = parameters.axis.flatMap { $0 == site.operandAxis ? site.outputAxis : nil }
            guard let weight = pairs.graph.initializers[site.tensor], axis != nil || parameters.axis == nil else { continue }
            let slices = max(1, parameters.scales.count)
            var sums = [Float](repeating: 0, count: slices)
            let inner = axis.map { weight.shape.dropFirst($0 + 1).reduce(1, *) } ?? weight.elementCount
            for (index, value) in weight.magnitudes.enumerated() { sums[(index / inner) % slices] += value }
            let count = Float(weight.elementCount / slices)
            let root = Float(parameters.codes.upperBound).squareRoot()
            let steps = zip(sums, parameters.scales).map { $0 > 0 ? 2 * $0 / count / root : $1 }
            starts[name] = Tensor(steps, shape: parameters.scaleTensor(for: weight.shape).shape)
        }
        return starts
    }
}
