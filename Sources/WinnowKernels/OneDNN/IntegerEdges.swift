internal import COneDNN
internal import WinnowTensor

/// What an integer contraction with oneDNN's integer primitives declares about scales, and what it passes for them.
struct IntegerEdges {
    let attributes: PrimitiveAttributes
    /// Constant scales and zero points to pass on execution.
    private(set) var arguments: [PreparedPrimitive.Argument] = []

    /// - Parameters:
    ///   - filterMask: the filter axes along which scales vary if there are several.
    init(
        source: AffineEncoding, filterScales: [Float], filterMask: Int32, target: IntegerTarget, epilogue: Epilogue,
        targetExtents: [Int], targetStrides: [Int]
    ) throws {
        attributes = try PrimitiveAttributes()
        if target == .accumulators {
            arguments += try attributes.setQuantization(DNNL_ARG_SRC, scale: 1, zeroPoint: source.zeroPoint)
            return
        }
        arguments += try attributes.setQuantization(DNNL_ARG_SRC, scale: source.scale, zeroPoint: source.zeroPoint)
        arguments.append(
            try attributes.setScales(DNNL_ARG_WEIGHTS, filterScales, mask: filterScales.count == 1 ? 0 : filterMask))
        if case .codes(let encoding) = target {
            arguments += try attributes.setQuantization(
                DNNL_ARG_DST, scale: encoding.scale, zeroPoint: encoding.zeroPoint)
        }
        try attributes.append(
            epilogue, targetExtents: targetExtents, targetStrides: targetStrides, residual: Slot.residual)
        try attributes.seal()
        arguments += attributes.postOperationArguments
    }

    /// Throws unless the encodings are ones the kernels can honour.
    static func validate(source: AffineEncoding, target: IntegerTarget, bias: [Float]?, epilogue: Epilogue, subject: String) throws {
        guard source.elementType == .int8 || source.elementType == .uint8 else {
            throw WinnowError(.unsupported, subject, "the source holds \(source.elementType), not int8 or uint8")
        }
        if case .codes(let encoding) = target, encoding.elementType != .int8, encoding.elementType != .uint8 {
            throw WinnowError(.unsupported, subject, "the target holds \(encoding.elementType), not int8 or uint8")
        }
        if target == .accumulators, bias != nil || !epilogue.steps.isEmpty {
            throw WinnowError(.unsupported, subject, "accumulators have no bias and no epilogue")
        }
    }
}
