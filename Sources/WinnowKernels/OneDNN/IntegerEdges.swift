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
        _ contraction: IntegerContraction, filterMask: Int32, filterSums: [Int32]?, targetExtents: [Int], targetStrides: [Int]
    ) throws {
        attributes = try PrimitiveAttributes()
        if case .constant(let encoding) = contraction.source, contraction.target == .accumulators {
            arguments += try attributes.setQuantization(DNNL_ARG_SRC, scale: 1, zeroPoint: encoding.zeroPoint)
            return
        }
        let steps = Requantization(contraction, filterSums: filterSums)
        if contraction.source.isDynamic {
            let runtime = RuntimeEncoding()
            arguments += try attributes.setQuantization(DNNL_ARG_SRC, runtime)
            self.runtime = runtime
        } else {
            arguments += try attributes.setQuantization(DNNL_ARG_SRC, scale: 1, zeroPoint: steps.sourceZeroPoint)
        }
        arguments.append(
            try attributes.setScales(DNNL_ARG_WEIGHTS, steps.scales, mask: steps.scales.count == 1 ? 0 : filterMask))
        arguments += try attributes.setQuantization(
            DNNL_ARG_DST, scale: steps.targetScale, zeroPoint: steps.targetZeroPoint)
        self.bias = steps.bias
        try attributes.append(
            steps.epilogue, targetExtents: targetExtents, targetStrides: targetStrides, residual: Slot.residual)
        try attributes.seal()
        arguments += attributes.postOperationArguments
    }
}
