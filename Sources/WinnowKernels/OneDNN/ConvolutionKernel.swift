internal import COneDNN
internal import WinnowTensor

/// A float32 convolution with bias and fused steps, prepared once. Not for two threads at a time.
package final class ConvolutionKernel: @unchecked Sendable {
    private let contraction: SpatialContraction
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { contraction.scratchByteCount }

    /// - Parameter constantFilter: float32 in `geometry.filterShape`, packed and owned here; nil: given at each run.
    package init(
        _ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, constantFilter: UnsafeRawPointer? = nil, hasBias: Bool,
        epilogue: Epilogue = .none, math: MathMode = .float32
    ) throws {
        try geometry.validate()
        let geometry = geometry.compact
        let targetShape = geometry.targetShape
        var scratch = ScratchLayout()
        let target = try ChannelsLastOperand(targetShape, .float32, layouts.target, .output, scratch: &scratch)
        let residual = try epilogue.residualType.map {
            try ChannelsLastOperand(targetShape, $0, layouts.target, .input, scratch: &scratch)
        }
        let bias = hasBias ? try MemoryDescriptor(dense: [targetShape[1]]) : nil
        let attributes = try PrimitiveAttributes()
        try attributes.append(epilogue, channelsLast: targetShape)
        let (type, descriptor) = try geometry.choose(math) { type in
            try geometry.forwardDescriptor(
                source: MemoryDescriptor(geometry.sourceShape, type, .channelsLast),
                filter: MemoryDescriptor(any: geometry.filterExtents, type), bias: bias, target: target.descriptor, attributes)
        }
        let source = try ChannelsLastOperand(
            geometry.sourceShape, .float32, layouts.source, .input, read: type, scratch: &scratch)
        let packing = try OperandPacking(
            plain: MemoryDescriptor(dense: geometry.filterExtents), packed: descriptor.memory(dnnl_query_weights_md),
            constant: constantFilter, scratch: &scratch)
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_SRC, source.descriptor, .slot(Slot.source)), packing.argument,
            .init(DNNL_ARG_DST, target.descriptor, .slot(Slot.target)),
        ]
        if let bias { arguments.append(.init(DNNL_ARG_BIAS, bias, .slot(Slot.bias))) }
        contraction = SpatialContraction(
            try PreparedPrimitive(descriptor, arguments + attributes.postOperationArguments), packing: packing,
            source: source, target: target, residual: residual, scratch: scratch)
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String { contraction.implementation }

    /// Convolves. `filter` is ignored if it is constant, `bias` and `residual` unless declared.
    package func run(
        source: UnsafeRawPointer, filter: UnsafeRawPointer? = nil, bias: UnsafeRawPointer? = nil,
        residual: UnsafeRawPointer? = nil, target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        try contraction.run(
            source: source, filter: filter, bias: bias, residual: residual, target: target, scratch: scratch)
    }
}

extension ConvolutionGeometry {
    var subject: String { "convolution of \(sourceShape) with \(filterShape)" }

    /// See `MathMode.choose`.
    func choose(
        _ math: MathMode, _ make: (ElementType) throws -> PrimitiveDescriptor
    ) throws -> (operandType: ElementType, descriptor: PrimitiveDescriptor) {
        try math.choose(
            products: productCount, largestOperand: max(sourceShape.elementCount, targetShape.elementCount), make)
    }

    func forwardDescriptor(
        source: MemoryDescriptor, filter: MemoryDescriptor, bias: MemoryDescriptor?, target: MemoryDescriptor,
        _ attributes: PrimitiveAttributes, propagation: dnnl_prop_kind_t = dnnl_forward_inference
    ) throws -> PrimitiveDescriptor {
        let products: Work = filter.holdsCodes ? .codeProducts(productCount) : .products(productCount)
        let work = filterShape[1] == 1 ? .singleProducts(productCount) : products
        return try PrimitiveDescriptor(subject, work) { result, engine in
            dnnl_convolution_forward_primitive_desc_create(
                &result, engine, propagation, dnnl_convolution_direct, source.handle, filter.handle, bias?.handle,
                target.handle, window.dimensionStrides, window.dimensionDilations, window.dimensionPadsBegin,
                window.dimensionPadsEnd, attributes.handle)
        }
    }
}
