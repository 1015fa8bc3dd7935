package import WinnowTensor

/// The integers that trained weights become.
public enum WeightCodes: String, HyperparameterChoice, Codable {
    case int8
    /// −7…7; needs operator set 21.
    case int4

    var bits: Int { self == .int8 ? 8 : 4 }
}

/// The integers that activations become.
public enum ActivationCodes: String, HyperparameterChoice, Codable {
    /// 0…255 with a zero point: what x86 runtimes do fastest.
    case uint8
    /// −128…127 with a zero point, −128 after a Relu.
    case int8

    package var elementType: ElementType { self == .uint8 ? .uint8 : .int8 }

    /// The codes in use; 7 bits where processors without VNNI would saturate.
    package func codes(reduced: Bool) -> ClosedRange<Int> {
        switch self {
        case .uint8: reduced ? 0...127 : 0...255
        case .int8: reduced ? -64...63 : -128...127
        }
    }
}

/// In which integers layers compute.
public struct LayerCodes: HyperparameterGroup {
    @Hyperparameter("element type of activations") public var activations = ActivationCodes.uint8
    @Hyperparameter("a scale for every output channel of a weight, instead of one for the tensor") public var perChannel = true
    @Hyperparameter("the runtime the file is for") public var profile: Chosen<ExportProfiles> = "onnxruntime"

    public init() {}

    /// - Parameters:
    ///   - weightBits: of codes that are stored in `type`.
    ///   - isReduced: 7 bits for activations, where 8 would overflow.
    func arithmetic(weightBits: Int, storedAs type: ElementType? = nil, isReduced: Bool = false) -> IntegerArithmetic {
        IntegerArithmetic(
            weights: QuantizationScheme(bits: weightBits, .init(perChannel: perChannel), storedAs: type),
            activations: profile.member.activations(activations, isReduced: isReduced), profile: profile.member)
    }
}

/// The codes of weights and activations of layers that compute in integers.
struct IntegerArithmetic {
    var weights: QuantizationScheme
    var activations: ActivationScheme
    var profile: ExportProfile
    /// Whether the model's outputs become codes too.
    var quantizesOutputs = false
}

/// How ranges of activations become codes, one scale for each value.
package struct ActivationScheme: Hashable, Sendable {
    package var elementType: ElementType
    package var codes: ClosedRange<Int>
    /// Whether 0 is the code of 0, as many codes on either side.
    package var isSymmetric = false

    package func parameters(for range: ClosedRange<Float>) -> QuantizationParameters {
        guard isSymmetric else { return QuantizationParameters(affine: range, elementType, codes: codes) }
        let largest = max(range.lowerBound.magnitude, range.upperBound.magnitude)
        return QuantizationParameters(symmetric: Tensor([largest]), axis: nil, elementType, limit: codes.upperBound)
    }
}
