import WinnowKernels
package import WinnowTensor

/// The integers that trained weights become.
public enum WeightCodes: String, HyperparameterChoice, Codable {
    case int8
    /// −7…7, and −8 too once steps are trained; needs operator set 21.
    case int4
    /// −1…1, and −2 too once steps are trained; stored as int4.
    case int2

    var elementType: ElementType { ElementType(named: rawValue) ?? .int8 }
    var bits: Int { elementType.bitWidth }
}

/// The integers that activations become.
public enum ActivationCodes: String, HyperparameterChoice, Codable {
    /// 0…255 with a zero point: what x86 runtimes do fastest.
    case uint8
    /// −128…127 with a zero point, −128 after a Relu.
    case int8
    /// 65536 steps, for what 256 are too few for; needs operator set 21, and runtimes compute such layers in float.
    case uint16, int16
    /// 0…15 and −8…7, stored as bytes behind a Clip.
    case uint4, int4
    /// 0…3 and −2…1, likewise.
    case uint2, int2

    package var elementType: ElementType { ElementType(named: rawValue) ?? .uint8 }

    /// The codes in use; 7 of 8 bits where processors without VNNI would saturate.
    package func codes(reduced: Bool) -> ClosedRange<Int> {
        let range = elementType.integerRange ?? 0...255
        guard reduced, range.count == 256 else { return range }
        return range.lowerBound / 2...range.upperBound / 2
    }
}

/// The codes of a model's first and last layers, which few bits cost the most.
public enum EdgeCodes: String, HyperparameterChoice, Codable {
    /// As of all others.
    case same
    /// Weights and data in 8 bits (Esser et al. 2020, section 2.3).
    case int8
}

/// Which numbers the scales of layers that compute in integers are.
public enum LayerScales: String, HyperparameterChoice, Codable {
    case float32
    /// 2^k, so that hardware shifts: of the two next to a weight's range the one with the less squared error, for activations the next
    /// one up, of ranges that are found so.
    case powerOfTwo = "power-of-two"

    /// Those of weights.
    var ofWeights: ScaleChoice? { self == .powerOfTwo ? .powerOfTwo : nil }
}

/// In which integers layers compute.
public struct LayerCodes: HyperparameterGroup {
    @Hyperparameter("element type of activations") public var activations = ActivationCodes.uint8
    @Hyperparameter("a scale for every output channel of a weight, instead of one for the tensor") public var perChannel = true
    @Hyperparameter("which numbers scales of weights and activations are") public var scales = LayerScales.float32
    @Hyperparameter("whose scales and roundings, where tools differ") public var convention: Chosen<QuantizationConventions> = "onnx"
    @Hyperparameter("the runtime the file is for") public var profile: Chosen<ExportProfiles> = "onnxruntime"
    @Hyperparameter("codes of the first and the last layers, where others have fewer bits") public var firstAndLast = EdgeCodes.same

    public init() {}

    /// Throws `.recipe` for codes of activations that the profile does not take.
    ///
    /// - Parameters:
    ///   - weightBits: of codes that are stored in `type`.
    ///   - isReduced: 7 bits for activations, where 8 would overflow.
    ///   - clipsWeights: whether scales of weights are those of the least squared error.
    ///   - keepsToConvention: whether the codes of such weights are those that others of the convention have.
    func arithmetic(
        weightBits: Int, storedAs type: ElementType? = nil, isReduced: Bool = false, clipsWeights: Bool = false, keepsToConvention: Bool = false
    ) throws -> IntegerArithmetic {
        var convention = convention.member
        convention.roundsToPowers = scales == .powerOfTwo
        func schemes(_ bits: Int, _ type: ElementType?, _ activations: ActivationCodes) throws -> LayerSchemes {
            let weights = QuantizationScheme(
                bits: convention.weightBits(bits, isReduced: isReduced), .init(perChannel: perChannel), storedAs: type
            ).with { ($0.convention, $0.clips, $0.keepsToConvention) = (convention, clipsWeights, keepsToConvention) }
            return try LayerSchemes(
                weights: weights.taking(scales.ofWeights),
                activations: profile.member.activations(activations, isReduced: isReduced, by: convention))
        }
        let wide: ActivationCodes = activations.elementType.isSigned ? .int8 : .uint8
        return try IntegerArithmetic(
            inner: schemes(weightBits, type, activations),
            edge: firstAndLast == .int8 ? schemes(8, .int8, wide) : nil, profile: profile.member)
    }
}

/// The codes that layers read as their weights and data.
struct LayerSchemes {
    var weights: QuantizationScheme
    var activations: ActivationScheme
}

/// The codes of weights and activations of layers that compute in integers.
struct IntegerArithmetic {
    var inner: LayerSchemes
    /// Of first and last layers, where they differ.
    var edge: LayerSchemes?
    var profile: ExportProfile
    /// Whether the model's outputs become codes too.
    var quantizesOutputs = false

    /// Whether runtimes have integer kernels for such codes; where not, only what layers read is rounded.
    var hasKernels: Bool { inner.activations.elementType.bitWidth >= 8 }

    /// How scale and zero point of an activation follow from its range.
    func encoding(of parameters: QuantizationParameters) -> RangeEncoding {
        parameters.convention.encoding(parameters.codes, isSymmetric: inner.activations.isSymmetric)
    }

    func schemes(isEdge: Bool) -> LayerSchemes { isEdge ? edge ?? inner : inner }
}

/// How ranges of activations become codes, one scale for each value.
package struct ActivationScheme: Hashable, Sendable {
    package var elementType: ElementType
    package var codes: ClosedRange<Int>
    /// Whether as many codes lie on either side of that of 0.
    package var isSymmetric = false
    package var convention = QuantizationConvention.onnx

    package func parameters(for range: ClosedRange<Float>) -> QuantizationParameters { parameters(for: [range], axis: nil) }

    /// Those of slices along an axis.
    package func parameters(for ranges: [ClosedRange<Float>], axis: Int?) -> QuantizationParameters {
        let encodings = ranges.map { range -> (scale: Float, zeroPoint: Int) in
            guard isSymmetric else { return convention.affine(range, codes) }
            let largest = max(range.lowerBound.magnitude, range.upperBound.magnitude)
            return (convention.symmetric(largest, codes), convention.middle(of: codes, in: elementType))
        }
        var result = QuantizationParameters(
            elementType: elementType, codes: codes, scales: encodings.map(\.scale), zeroPoints: encodings.map(\.zeroPoint),
            axis: axis)
        (result.convention, result.isPowerOfTwo) = (convention, convention.roundsToPowers)
        return result
    }

    /// For values within fixed bounds, of which the upper one has no code: scale = (high − low) / the number of codes.
    package func parameters(within bounds: ClosedRange<Float>) -> QuantizationParameters {
        guard !isSymmetric else { return parameters(for: bounds) }
        let step = (bounds.upperBound - bounds.lowerBound) / Float(codes.count)
        return parameters(for: bounds.lowerBound...(bounds.upperBound - step))
    }
}
