package import WinnowTensor

/// What a contraction of 8-bit codes with a constant 8-bit filter gives, whatever its geometry:
/// target = encode(epilogue(Σ scale·(source − zero point) · filterScale·(filter − zero point) + bias)).
package struct IntegerContraction {
    package var source: IntegerSource
    package var filter: IntegerFilter
    /// One real number for each output channel.
    package var bias: [Float]?
    package var target: IntegerTarget
    package var epilogue: Epilogue

    package init(
        source: IntegerSource, filter: IntegerFilter, bias: [Float]? = nil, target: IntegerTarget, epilogue: Epilogue = .none
    ) {
        self.source = source
        self.filter = filter
        self.bias = bias
        self.target = target
        self.epilogue = epilogue
    }

    /// Throws unless the encodings are ones the kernels can honour, for filters of so many output channels.
    func validate(channels: Int, subject: String) throws {
        guard source.elementType == .int8 || source.elementType == .uint8 else {
            throw WinnowError(.unsupported, subject, "the source holds \(source.elementType), not int8 or uint8")
        }
        if case .codes(let encoding) = target, encoding.elementType != .int8, encoding.elementType != .uint8 {
            throw WinnowError(.unsupported, subject, "the target holds \(encoding.elementType), not int8 or uint8")
        }
        if target == .accumulators, source.isDynamic {
            throw WinnowError(.unsupported, subject, "accumulators need a constant zero point")
        }
        if target == .accumulators, bias != nil || !epilogue.steps.isEmpty {
            throw WinnowError(.unsupported, subject, "accumulators have no bias and no epilogue")
        }
        try filter.validate(channels: channels, subject: subject)
        guard bias == nil || bias?.count == channels else {
            throw WinnowError(.shape, subject, "\(bias?.count ?? 0) biases for \(channels) channels")
        }
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
