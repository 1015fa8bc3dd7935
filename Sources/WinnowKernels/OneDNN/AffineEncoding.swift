package import WinnowTensor

/// How integer codes stand for real numbers: real = scale · (code − zeroPoint).
package struct AffineEncoding: Hashable, Sendable {
    /// `uint8` or `int8`.
    package var elementType: ElementType
    package var scale: Float
    package var zeroPoint: Int32

    package init(_ elementType: ElementType, scale: Float, zeroPoint: Int32 = 0) {
        self.elementType = elementType
        self.scale = scale
        self.zeroPoint = zeroPoint
    }
}

/// How the codes of an integer contraction's source stand for real numbers.
package enum IntegerSource: Hashable, Sendable {
    case constant(AffineEncoding)
    /// Scale and zero point are given at each run.
    case dynamic(ElementType)

    package var elementType: ElementType {
        switch self {
        case .constant(let encoding): encoding.elementType
        case .dynamic(let elementType): elementType
        }
    }

    /// The encoding where it is constant, else scale 1 and zero point 0.
    var known: AffineEncoding {
        switch self {
        case .constant(let encoding): encoding
        case .dynamic(let elementType): AffineEncoding(elementType, scale: 1)
        }
    }

    var isDynamic: Bool { if case .dynamic = self { true } else { false } }
}

/// A constant integer filter: its codes are borrowed during creation of a kernel only.
package struct IntegerFilter {
    /// In the filter's plain shape.
    package var codes: UnsafeRawPointer
    /// `int8` or `uint8`.
    package var elementType: ElementType
    /// One for all, or one for each output channel.
    package var scales: [Float]
    /// One for all, or one for each output channel.
    package var zeroPoints: [Int32]

    package init(_ codes: UnsafeRawPointer, _ elementType: ElementType = .int8, scales: [Float], zeroPoints: [Int32] = [0]) {
        self.codes = codes
        self.elementType = elementType
        self.scales = scales
        self.zeroPoints = zeroPoints
    }
}

/// What an integer contraction writes.
package enum IntegerTarget: Hashable, Sendable {
    /// Codes of 8 bits, rounded to nearest even and saturated.
    case codes(AffineEncoding)
    /// Real numbers.
    case float32
    /// Sums of (source − zero point) · (filter − zero point) without scales, bias or epilogue.
    case accumulators

    package var elementType: ElementType {
        switch self {
        case .codes(let encoding): encoding.elementType
        case .float32: .float32
        case .accumulators: .int32
        }
    }
}
