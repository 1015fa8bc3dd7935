internal import COneDNN
package import WinnowTensor

/// The shapes and steps of a transposed convolution, in ONNX's terms.
package struct TransposedConvolutionGeometry: Hashable, Sendable {
    /// (N, C, spatial…)
    package var sourceShape: Shape
    /// (C, O / groups, spatial…)
    package var filterShape: Shape
    /// Its extents are the filter's; it slides over the target.
    package var window: WindowGeometry
    /// Extents added at the end of each spatial axis of the target.
    package var outputPadding: [Int]
    package var groups: Int

    package init(sourceShape: Shape, filterShape: Shape, window: WindowGeometry, outputPadding: [Int]? = nil, groups: Int = 1) {
        self.sourceShape = sourceShape
        self.filterShape = filterShape
        self.window = window
        self.outputPadding = outputPadding ?? [Int](repeating: 0, count: window.extents.count)
        self.groups = groups
    }

    /// (N, O, spatial…)
    package var targetShape: Shape {
        let spatial = (0..<(sourceShape.rank - 2)).map { axis -> Int in
            let padding = window.padsBegin[axis] + window.padsEnd[axis] - outputPadding[axis]
            return window.strides[axis] * (sourceShape[axis + 2] - 1) + window.reach(axis) - padding
        }
        return Shape([sourceShape[0], filterShape[1] * groups] + spatial)
    }

    /// The convolution whose source gradient this is: source and target change places, the filter stays as stored.
    package var adjoint: ConvolutionGeometry {
        var window = window
        window.padsEnd = zip(window.padsEnd, outputPadding).map(-)
        return ConvolutionGeometry(sourceShape: targetShape, filterShape: filterShape, window: window, groups: groups)
    }

    func validate() throws {
        func fail(_ problem: String) -> WinnowError { WinnowError(.shape, "transposed convolution", problem) }
        guard (3...5).contains(sourceShape.rank), filterShape.rank == sourceShape.rank else {
            throw fail("source \(sourceShape) and filter \(filterShape) must both have rank 3, 4 or 5")
        }
        try window.validate(rank: sourceShape.rank - 2, subject: "transposed convolution")
        guard outputPadding.count == sourceShape.rank - 2 else {
            throw fail("output padding must have \(sourceShape.rank - 2) numbers")
        }
        guard groups > 0, sourceShape[1] == filterShape[0], sourceShape[1] % groups == 0 else {
            throw fail("source \(sourceShape), filter \(filterShape) and \(groups) groups do not match")
        }
        try adjoint.validate()
    }
}

/// A float32 transposed convolution with bias and fused steps, prepared once. Not for two threads at a time.
package final class TransposedConvolutionKernel: @unchecked Sendable {
    private let contraction: SpatialContraction
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { contraction.scratchByteCount }

    /// - Parameter constantFilter: float32 in `geometry.filterShape`, packed and owned here; nil: given at each run.
    package init(
        _ geometry: TransposedConvolutionGeometry, _ layouts: OperandLayouts, constantFilter: UnsafeRawPointer? = nil,
        hasBias: Bool, epilogue: Epilogue = .none, math: MathMode = .float32
    ) throws {
        try geometry.validate()
        let adjoint = geometry.adjoint
        let window = adjoint.window
        let targetShape = geometry.targetShape
        var scratch = ScratchLayout()
        let target = try ChannelsLastOperand(targetShape, .float32, layouts.target, .output, scratch: &scratch)
        let residual = try epilogue.residualType.map {
            try ChannelsLastOperand(targetShape, $0, layouts.target, .input, scratch: &scratch)
        }
        let bias = hasBias ? try MemoryDescriptor(dense: [targetShape[1]]) : nil
        let attributes = try PrimitiveAttributes()
        try attributes.append(epilogue, channelsLast: targetShape)
        let (type, descriptor) = try adjoint.choose(math) { type in
            let source = try MemoryDescriptor(geometry.sourceShape, type, .channelsLast)
            let filter = try MemoryDescriptor(any: geometry.filterExtents, type)
            return try PrimitiveDescriptor("transposed " + adjoint.subject, .products(adjoint.productCount)) { result, engine in
                dnnl_deconvolution_forward_primitive_desc_create(
                    &result, engine, dnnl_forward_inference, dnnl_deconvolution_direct, source.handle, filter.handle,
                    bias?.handle, target.descriptor.handle, window.dimensionStrides, window.dimensionDilations,
                    window.dimensionPadsBegin, window.dimensionPadsEnd, attributes.handle)
            }
        }
        let source = try ChannelsLastOperand(
            geometry.sourceShape, .float32, layouts.source, .input, read: type, scratch: &scratch)
        let packing = try OperandPacking(
            plain: geometry.storedFilter(), packed: descriptor.memory(dnnl_query_weights_md), constant: constantFilter,
            scratch: &scratch)
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

extension TransposedConvolutionGeometry {
    /// (groups, O / groups, C / groups, spatial…), the group axis only if there are groups.
    fileprivate var filterExtents: [Int] {
        let spatial = Array(filterShape.dropFirst(2))
        let extents = [filterShape[1], filterShape[0] / groups] + spatial
        return groups == 1 ? extents : [groups] + extents
    }

    /// The filter as ONNX stores it, its axes named in oneDNN's order.
    fileprivate func storedFilter() throws -> MemoryDescriptor {
        let stored = filterShape.strides
        let strides = [stored[1], stored[0]] + stored.dropFirst(2)
        let groupStride = stored[0] * (filterShape[0] / groups)
        return try MemoryDescriptor(
            filterExtents, .float32, strides: groups == 1 ? strides : [groupStride] + strides)
    }
}
