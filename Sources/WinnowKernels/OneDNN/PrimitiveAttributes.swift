internal import COneDNN
internal import WinnowTensor

/// Owns the attributes of a primitive: scratch memory from the caller, quantization, fused steps.
final class PrimitiveAttributes {
    let handle: OpaquePointer
    private var postOperations: OpaquePointer?
    /// The execution arguments the fused steps need, in order.
    private(set) var postOperationArguments: [PreparedPrimitive.Argument] = []
    private var postOperationCount: Int32 = 0

    /// - Parameter math: how a primitive may round float32 operands by itself, which takes AMX.
    init(math: MathMode = .float32) throws {
        var attributes: OpaquePointer?
        try OneDNN.check(dnnl_primitive_attr_create(&attributes), "primitive attributes")
        guard let attributes else { throw WinnowError(.unsupported, "oneDNN", "made no attributes") }
        handle = attributes
        try OneDNN.check(
            dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "scratchpad mode")
        if math == .bfloat16 {
            try OneDNN.check(dnnl_primitive_attr_set_fpmath_mode(attributes, dnnl_fpmath_mode_bf16), "math mode")
        }
    }

    deinit {
        dnnl_post_ops_destroy(postOperations)
        dnnl_primitive_attr_destroy(handle)
    }

    /// Declares a constant scale and zero point for `argument` where they are not 1 and 0; returns what to pass for them.
    func setQuantization(
        _ argument: Int32, scale: Float, zeroPoint: Int32
    ) throws -> [PreparedPrimitive.Argument] {
        var arguments: [PreparedPrimitive.Argument] = []
        if scale != 1 { arguments.append(try setScales(argument, [scale], mask: 0)) }
        if zeroPoint != 0 {
            try OneDNN.check(dnnl_primitive_attr_set_zero_points_mask(handle, argument, 0), "zero points")
            let memory = Tensor([zeroPoint]).memory.storage
            let descriptor = try MemoryDescriptor(dense: [1], .int32)
            arguments.append(.init(DNNL_ARG_ATTR_ZERO_POINTS | argument, descriptor, .constant(memory)))
        }
        return arguments
    }

    /// Declares a scale and a zero point for `argument` that are read at each run; returns what to pass for them.
    func setQuantization(_ argument: Int32, _ runtime: RuntimeEncoding) throws -> [PreparedPrimitive.Argument] {
        try OneDNN.check(dnnl_primitive_attr_set_scales_mask(handle, argument, 0), "scales")
        try OneDNN.check(dnnl_primitive_attr_set_zero_points_mask(handle, argument, 0), "zero points")
        return [
            .init(DNNL_ARG_ATTR_SCALES | argument, try MemoryDescriptor(dense: [1]), .constant(runtime.scale)),
            .init(DNNL_ARG_ATTR_ZERO_POINTS | argument, try MemoryDescriptor(dense: [1], .int32), .constant(runtime.zeroPoint)),
        ]
    }

    /// Declares constant scales for `argument`; bit i of `mask` gives each index of axis i its own.
    func setScales(_ argument: Int32, _ scales: [Float], mask: Int32) throws -> PreparedPrimitive.Argument {
        try OneDNN.check(dnnl_primitive_attr_set_scales_mask(handle, argument, mask), "scales")
        let descriptor = try MemoryDescriptor(dense: [scales.count])
        return .init(DNNL_ARG_ATTR_SCALES | argument, descriptor, .constant(Tensor(scales).memory.storage))
    }

    /// Appends the steps of `epilogue`; residuals have the extents and strides of the target.
    func append(_ epilogue: Epilogue, targetExtents: [Int], targetStrides: [Int], residual: Int) throws {
        guard epilogue.residualCount <= 1 else {
            throw WinnowError(.unsupported, "epilogue", "more than one residual")
        }
        for step in epilogue.steps {
            guard case .addResidual(let type, let scale, let zeroPoint) = step else {
                try append(elementwise: step)
                continue
            }
            let descriptor = try MemoryDescriptor(targetExtents, type, strides: targetStrides)
            // x + s·(r − z) = s·(x/s − z + r): oneDNN's binary step has no scale of its own.
            let isPlain = scale == 1 && zeroPoint == 0
            if !isPlain { try append(dnnl_eltwise_linear, 1 / scale, -Float(zeroPoint)) }
            try append(binary: dnnl_binary_add, descriptor, slot: residual)
            if !isPlain { try append(dnnl_eltwise_linear, scale, 0) }
        }
    }

    /// Appends `epilogue` as the last fused steps over a channels-last target, with `Slot.residual`.
    func append(_ epilogue: Epilogue, channelsLast shape: Shape) throws {
        try append(
            epilogue, targetExtents: shape.extents, targetStrides: Layout.channelsLast.strides(of: shape),
            residual: Slot.residual)
        try seal()
    }

    /// Appends `target ← target ∘ operand`, the operand bound to `slot` at each run.
    func append(binary algorithm: dnnl_alg_kind_t, _ operand: MemoryDescriptor, slot: Int) throws {
        let list = try operations()
        try OneDNN.check(dnnl_post_ops_append_binary(list, algorithm, operand.handle), "fused binary step")
        let index = DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE * (postOperationCount + 1) | DNNL_ARG_SRC_1
        postOperationArguments.append(.init(index, operand, .slot(slot)))
        postOperationCount += 1
    }

    func append(_ algorithm: dnnl_alg_kind_t, _ alpha: Float = 0, _ beta: Float = 0) throws {
        try OneDNN.check(dnnl_post_ops_append_eltwise(try operations(), algorithm, alpha, beta), "fused step")
        postOperationCount += 1
    }

    /// Hands the fused steps to the attributes; call once, after the last `append`.
    func seal() throws {
        guard let postOperations else { return }
        try OneDNN.check(dnnl_primitive_attr_set_post_ops(handle, postOperations), "fused steps")
    }

    /// Appends `target ← target + what was in its place`.
    func appendSum() throws {
        try OneDNN.check(dnnl_post_ops_append_sum(operations(), 1, 0, dnnl_data_type_undef), "fused sum")
        postOperationCount += 1
    }

    private func operations() throws -> OpaquePointer {
        if let postOperations { return postOperations }
        try OneDNN.check(dnnl_post_ops_create(&postOperations), "fused steps")
        guard let postOperations else { throw WinnowError(.unsupported, "oneDNN", "made no fused steps") }
        return postOperations
    }

    private func append(elementwise step: Epilogue.Step) throws {
        switch step {
        case .relu: try append(dnnl_eltwise_relu)
        case .leakyRelu(let alpha): try append(dnnl_eltwise_relu, alpha)
        case .clip(let low, let high): try append(dnnl_eltwise_clip, low, high)
        case .sigmoid: try append(dnnl_eltwise_logistic)
        case .tanh: try append(dnnl_eltwise_tanh)
        case .hardSwish: try append(dnnl_eltwise_hardswish, 1 / 6, 0.5)
        case .hardSigmoid(let alpha, let beta): try append(dnnl_eltwise_hardsigmoid, alpha, beta)
        case .swish(let alpha): try append(dnnl_eltwise_swish, alpha)
        case .geluErf: try append(dnnl_eltwise_gelu_erf)
        case .geluTanh: try append(dnnl_eltwise_gelu_tanh)
        case .elu(let alpha): try append(dnnl_eltwise_elu, alpha)
        case .linear(let alpha, let beta): try append(dnnl_eltwise_linear, alpha, beta)
        case .addResidual: break
        }
    }
}
