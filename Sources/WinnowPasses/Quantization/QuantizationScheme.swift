package import WinnowTensor

/// The integers that trained weights become.
public enum WeightCodes: String, HyperparameterChoice, Codable {
    case int8
    /// −7…7; needs operator set 21.
    case int4

    package var elementType: ElementType { self == .int8 ? .int8 : .int4 }
    /// The largest code.
    package var limit: Int { self == .int8 ? 127 : 7 }
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
