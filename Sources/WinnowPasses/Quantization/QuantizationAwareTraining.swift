import WinnowEngine
public import WinnowGraph
import WinnowTensor
import WinnowTraining

/// Trains with every weight and activation rounded as it will be stored, so that the network learns to live with it.
///
/// Q/DQ pairs in the forward pass, straight-through gradients inside the range (Jacob et al. 2018, section 3).
public struct QuantizationAwareTraining: TrainingPass {
    public static let name = "quantization-aware-training"
    public static let decides: TrainingDecision? = .codes
    public static let summary = "trains with int8 rounding in place, then stores int8"
    public static let guide = """
        Inserts the Q/DQ pairs that static-quantization would, with activation ranges from calibration, trains through \
        them with straight-through gradients while weight scales follow their weights, and stores the integers. With rounding=learned \
        weights stay, and which of the two codes next to it each has is trained (AdaRound on the whole loss). Use it \
        where static-quantization costs too much accuracy.
        """
    public static let strengths = [Strength("weights", rising: ["int8", "int4", "int2"])]

    @Hyperparameter("integers that weights become") public var weights = WeightCodes.int8
    public var codes = LayerCodes()
    public var calibration = CalibrationChoice()
    @Hyperparameter("let ranges of activations follow their moving average while training") public var movingRanges = false
    public var course = QuantizationCourse()
    public var choice = WeightChoice()

    public init() {}

    public func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws {
        setup.computeInFloat32()
        let normalizations = try TrainedNormalizations(setup.model, course)
        var pairs = try QuantizationPairs(arithmetic, calibration, choice, graph: normalizations.folded, avoiding: normalizations.names, context: context)
        if movingRanges { try pairs.moveRanges() }
        let lowered = try course.apply(to: &setup, pairs, normalizations)
        guard !course.learnsRoundings else { return }
        setup.hooks.append(WeightScaleHook(pairs, normalizations.factors, bits: lowered?.flags ?? [:]))
    }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws { try course.extendObjective(&setup) }

    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult {
        let settled = try graph.settlingBits().settlingRanges().foldingMasks().settlingRoundings().foldingTrainedNormalizations()
        let (stored, findings) = try settled.storingIntegers(for: arithmetic)
        return PassResult(graph: stored, findings: findings)
    }

    public var keepsWeights: Bool { course.learnsRoundings }

    private var arithmetic: IntegerArithmetic {
        get throws {
            let learns = course.learnsRoundings
            // Weights that are trained follow max|w|, so that the lowest code stands for none of them either.
            return try codes.arithmetic(
                weightBits: weights.bits, storedAs: weights.elementType, clipsWeights: learns, keepsToConvention: learns)
        }
    }
}

/// Keeps the scales of weights at what their convention makes of max|w|, or of its moving average, while the weights change.
private struct WeightScaleHook: TrainingHook {
    private struct Entry {
        var scale: ValueName
        var tensor: ValueName
        var parameters: QuantizationParameters
        var ranges: ChannelRanges
        /// What multiplies the weight before it is rounded.
        var factor: NormalizationFactor?
        /// The variable that tells the bits of codes, where they fall.
        var bits: ValueName?

        var isAveraged: Bool { parameters.convention.averagesWeights }
        /// Powers of two are looked for among the numbers themselves.
        var needsRanges: Bool { isAveraged || !parameters.isPowerOfTwo }
        func scales(for weight: Tensor, _ moment: TrainingMoment) -> Tensor {
            var parameters = parameters
            if let bits = bits.flatMap({ moment.variables[$0] })?.floats().first {
                parameters.codes = parameters.convention.symmetricCodes(bits: Int(bits))
            }
            guard !parameters.isPowerOfTwo else {
                let found = QuantizationParameters(
                    fitted: weight, ScalePlacement(weight.shape, axis: ranges.axis), parameters.elementType, codes: parameters.codes,
                    isSymmetric: true, clips: true, .powerOfTwo, inParallel: true)
                parameters.scales = found.scales
                return parameters.scaleTensor(for: weight.shape)
            }
            return parameters.following(isAveraged ? ranges.averages : ranges.current).scaleTensor(for: weight.shape)
        }
    }

    private var entries: [Entry]

    /// The layer may read the weight transposed. Where not even that is so, as between reshapes, its scales stay.
    init(_ pairs: QuantizationPairs, _ factors: [ValueName: NormalizationFactor], bits: [ValueName: ValueName]) {
        entries = pairs.weightScales.compactMap { scale in
            let axis = scale.parameters.axis.map { $0 == scale.site.operandAxis ? scale.site.outputAxis : nil }
            guard axis != .some(nil) else { return nil }
            let ranges = ChannelRanges(axis: axis ?? nil)
            return Entry(
                scale: scale.name, tensor: scale.site.tensor, parameters: scale.parameters, ranges: ranges, factor: factors[scale.site.tensor],
                bits: bits[scale.name])
        }
    }

    var variables: Set<ValueName> { Set(entries.map(\.scale)) }

    mutating func step(_ moment: inout TrainingMoment) throws {
        for index in entries.indices {
            guard let own = moment.variables[entries[index].tensor] else { continue }
            let weight = entries[index].factor?.applied(to: own, moment) ?? own
            if entries[index].needsRanges { entries[index].ranges.add(weight) }
            moment.variables[entries[index].scale] = entries[index].scales(for: weight, moment)
        }
    }

    /// The averages, as rows of the smallest and the largest number.
    var state: [String: Tensor] {
        let kept = entries.filter { $0.isAveraged && !$0.ranges.averages.isEmpty }
        return Dictionary(kept.map { entry in
            let bounds = entry.ranges.averages.map(\.lowerBound) + entry.ranges.averages.map(\.upperBound)
            return ("weight-ranges.\(entry.scale)", Tensor(bounds, shape: [2, bounds.count / 2]))
        }, uniquingKeysWith: { first, _ in first })
    }

    mutating func restore(_ state: [String: Tensor]) throws {
        for index in entries.indices {
            guard let bounds = state["weight-ranges.\(entries[index].scale)"]?.floats() else { continue }
            let count = bounds.count / 2
            entries[index].ranges.averages = (0..<count).map { bounds[$0]...max(bounds[$0], bounds[count + $0]) }
        }
    }
}
