internal import COneDNN
internal import WinnowTensor

/// What an integer contraction with oneDNN's integer primitives declares about scales, and what it passes for them.
struct IntegerEdges {
    let attributes: PrimitiveAttributes
    /// Constant scales and zero points to pass on execution.
    private(set) var arguments: [PreparedPrimitive.Argument] = []
    /// Where a dynamic source's encoding goes before each run.
    private(set) var runtime: RuntimeEncoding?

    /// - Parameters:
    ///   - filterMask: the filter axes along which scales vary if there are several.
    init(
        source: IntegerSource, filterScales: [Float], filterMask: Int32, target: IntegerTarget, epilogue: Epilogue,
        targetExtents: [Int], targetStrides: [Int]
    ) throws {
        attributes = try PrimitiveAttributes()
        switch source {
        case .constant(let encoding):
            arguments += try attributes.setQuantization(
                DNNL_ARG_SRC, scale: target == .accumulators ? 1 : encoding.scale, zeroPoint: encoding.zeroPoint)
        case .dynamic:
            let runtime = RuntimeEncoding()
            arguments += try attributes.setQuantization(DNNL_ARG_SRC, runtime)
            self.runtime = runtime
        }
        if target == .accumulators { return }
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
    static func validate(source: IntegerSource, target: IntegerTarget, bias: [Float]?, epilogue: Epilogue, subject: String) throws {
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
    }
}

/// Memory for a scale and a zero point that change from run to run.
final class RuntimeEncoding: @unchecked Sendable {
    let scale = Tensor([Float(1)]).memory.storage
    let zeroPoint = Tensor([Int32(0)]).memory.storage

    func set(_ encoding: AffineEncoding) {
        scale.base.storeBytes(of: encoding.scale, as: Float.self)
        zeroPoint.base.storeBytes(of: encoding.zeroPoint, as: Int32.self)
    }
}
