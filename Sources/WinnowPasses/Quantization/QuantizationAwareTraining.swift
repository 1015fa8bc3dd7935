import WinnowEngine
public import WinnowGraph
import WinnowTensor
import WinnowTraining

/// Trains with every weight and activation rounded as it will be stored, so that the network learns to live with it.
///
/// Q/DQ pairs in the forward pass, straight-through gradients inside the range (Jacob et al. 2018, section 3).
public struct QuantizationAwareTraining: TrainingPass {
    public static let name = "quantization-aware-training"
    public static let summary = "trains with int8 rounding in place, then stores int8"
    public static let guide = """
        Inserts the Q/DQ pairs that static-quantization would, with activation ranges from calibration, trains through \
        them with straight-through gradients while weight scales follow their weights, and stores the integers. Use it \
        where static-quantization costs too much accuracy.
        """
    public static let strengths = [Strength("weights", rising: ["int8", "int4", "int2"])]

    @Hyperparameter("integers that weights become") public var weights = WeightCodes.int8
    public var codes = LayerCodes()
    public var calibration = CalibrationChoice()
    public var choice = WeightChoice()

    public init() {}

    public func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws {
        let pairs = try QuantizationPairs(
            codes.arithmetic(weightBits: weights.bits, storedAs: weights.elementType), calibration, choice, graph: setup.model, context: context)
        setup.model = pairs.graph
        setup.findings += pairs.findings
        setup.hooks.append(WeightScaleHook(pairs))
    }

    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult {
        let (stored, findings) = try graph.foldingMasks().storingIntegers(biases: codes.profile.member.takesIntegerBiases)
        return PassResult(graph: stored, findings: findings)
    }
}

/// Keeps the scales of weights at max|w| / limit while the weights change.
private struct WeightScaleHook: TrainingHook {
    private let entries: [(scale: ValueName, tensor: ValueName, axis: Int?, parameters: QuantizationParameters)]

    /// The layer may read the weight transposed. Where not even that is so, as between reshapes, its scales stay.
    init(_ pairs: QuantizationPairs) {
        entries = pairs.weightScales.compactMap { scale in
            let axis = scale.parameters.axis.map { $0 == scale.site.operandAxis ? scale.site.outputAxis : nil }
            return axis == .some(nil) ? nil : (scale.name, scale.site.tensor, axis ?? nil, scale.parameters)
        }
    }

    var variables: Set<ValueName> { Set(entries.map(\.scale)) }

    mutating func step(_ moment: inout TrainingMoment) throws {
        for (scale, tensor, axis, old) in entries {
            guard let weight = moment.variables[tensor] else { continue }
            let new = QuantizationParameters(
                symmetric: weight, axis: axis, old.elementType, limit: old.codes.upperBound)
            moment.variables[scale] = new.scaleTensor(for: weight.shape)
        }
    }
}
