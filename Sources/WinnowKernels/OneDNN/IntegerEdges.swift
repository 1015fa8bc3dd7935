internal import COneDNN
internal import WinnowTensor

/// What an integer contraction with oneDNN's integer primitives declares about scales, and what it passes for them.
struct IntegerEdges {
    let attributes: PrimitiveAttributes
    /// Constant scales and zero points to pass on execution.
    private(set) var arguments: [PreparedPrimitive.Argument] = []
    /// Where a dynamic source's encoding goes before each run.
    private(set) var runtime: RuntimeEncoding?

    /// The bias to add, with what was folded into it; real numbers, or code units of the target.
    private(set) var bias: [Float]?

    /// - Parameters:
    ///   - filterMask: the filter axes along which scales vary if there are several.
    ///   - filterSums: for each output channel the sum of its codes, if there are no pads.
    init(
        source: IntegerSource, filterScales: [Float], filterMask: Int32, filterSums: [Int32]?, bias: [Float]?,
        target: IntegerTarget, epilogue: Epilogue, targetExtents: [Int], targetStrides: [Int]
    ) throws {
        attributes = try PrimitiveAttributes()
        if case .constant(let encoding) = source, target == .accumulators {
            arguments += try attributes.setQuantization(DNNL_ARG_SRC, scale: 1, zeroPoint: encoding.zeroPoint)
            return
        }
        var constant: AffineEncoding?
        if case .constant(let encoding) = source { constant = encoding }
        let steps = Requantization(
            source: constant, filterScales: filterScales, filterSums: filterSums, bias: bias, epilogue: epilogue,
            target: target)
        if source.isDynamic {
            let runtime = RuntimeEncoding()
            arguments += try attributes.setQuantization(DNNL_ARG_SRC, runtime)
            self.runtime = runtime
        } else {
            arguments += try attributes.setQuantization(DNNL_ARG_SRC, scale: 1, zeroPoint: steps.sourceZeroPoint)
        }
        arguments.append(
            try attributes.setScales(DNNL_ARG_WEIGHTS, steps.scales, mask: filterScales.count == 1 ? 0 : filterMask))
        arguments += try attributes.setQuantization(
            DNNL_ARG_DST, scale: steps.targetScale, zeroPoint: steps.targetZeroPoint)
        self.bias = steps.bias
        try attributes.append(
            steps.epilogue, targetExtents: targetExtents, targetStrides: targetStrides, residual: Slot.residual)
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
