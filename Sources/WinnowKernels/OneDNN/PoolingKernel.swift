internal import COneDNN
package import WinnowTensor

/// Maximum or average pooling of float32, int8 or uint8, prepared once. Not for two threads at a time.
///
/// Source and target share layout and encoding; counted pads are code 0.
package final class PoolingKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    private let correction: DivisorCorrection?
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { primitive.scratchByteCount }

    package init(
        _ geometry: PoolingGeometry, _ kind: PoolingKind, _ elementType: ElementType = .float32, layout: Layout
    ) throws {
        try geometry.validate()
        let source = try MemoryDescriptor(geometry.sourceShape, elementType, layout)
        let target = try MemoryDescriptor(geometry.targetShape, elementType, layout)
        let countsPads = kind == .average(countsPads: true)
        let window = countsPads && elementType != .float32 ? geometry.reachedWindow : geometry.meetingWindow
        correction = countsPads ? DivisorCorrection(geometry, window, layout) : nil
        guard correction == nil || elementType == .float32 else {
            throw WinnowError(.unsupported, "pooling", "counting pads while rounding up is for float32 only")
        }
        let descriptor = try geometry.forwardDescriptor(kind, window, source, target)
        primitive = try PreparedPrimitive(
            descriptor,
            [.init(DNNL_ARG_SRC, source, .slot(Slot.source)), .init(DNNL_ARG_DST, target, .slot(Slot.target))])
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String { primitive.implementation }

    package func run(source: UnsafeRawPointer, target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?) throws {
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch)
        correction?.apply(target.assumingMemoryBound(to: Float.self))
    }
}

/// The gradient of an average pooling in float32, prepared once. Not for two threads at a time.
package final class AveragePoolingGradientKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    private let correction: DivisorCorrection?
    private let primitiveOffset: Int
    private let targetByteCount: Int
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    package init(_ geometry: PoolingGeometry, countsPads: Bool, layout: Layout) throws {
        try geometry.validate()
        let kind = PoolingKind.average(countsPads: countsPads)
        let source = try MemoryDescriptor(geometry.sourceShape, .float32, layout)
        let target = try MemoryDescriptor(geometry.targetShape, .float32, layout)
        let attributes = try PrimitiveAttributes()
        let window = geometry.meetingWindow
        correction = countsPads ? DivisorCorrection(geometry, window, layout) : nil
        let forward = try geometry.forwardDescriptor(kind, window, source, target, dnnl_forward_training)
        let descriptor = try PrimitiveDescriptor(
            "gradient of pooling of \(geometry.sourceShape)", .elements(geometry.sourceShape.elementCount)
        ) { result, engine in
            dnnl_pooling_backward_primitive_desc_create(
                &result, engine, kind.algorithm, source.handle, target.handle, window.dimensionStrides,
                window.dimensionExtents, window.dimensionDilations, window.dimensionPadsBegin, window.dimensionPadsEnd,
                forward.handle, attributes.handle)
        }
        primitive = try PreparedPrimitive(
            descriptor,
            [.init(DNNL_ARG_DIFF_SRC, source, .slot(Slot.source)), .init(DNNL_ARG_DIFF_DST, target, .slot(Slot.target))])
        var scratch = ScratchLayout()
        targetByteCount = target.byteCount
        _ = scratch.reserve(correction == nil ? 0 : targetByteCount)
        primitiveOffset = scratch.reserve(primitive.scratchByteCount)
        scratchByteCount = scratch.byteCount
    }

    /// Writes (does not add to) the source gradient.
    package func run(
        targetGradient: UnsafeRawPointer, sourceGradient: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        primitive.bind(Slot.target, targetGradient)
        if let correction, let scratch {
            scratch.copyMemory(from: targetGradient, byteCount: targetByteCount)
            correction.apply(scratch.assumingMemoryBound(to: Float.self))
            primitive.bind(Slot.target, scratch)
        }
        primitive.bind(Slot.source, sourceGradient)
        try primitive.execute(scratch: scratch.map { $0 + primitiveOffset })
    }
}

extension PoolingKind {
    fileprivate var algorithm: dnnl_alg_kind_t {
        switch self {
        case .maximum: dnnl_pooling_max
        case .average(true): dnnl_pooling_avg_include_padding
        case .average(false): dnnl_pooling_avg_exclude_padding
        }
    }
}

extension PoolingGeometry {
    fileprivate func forwardDescriptor(
        _ kind: PoolingKind, _ window: WindowGeometry, _ source: MemoryDescriptor, _ target: MemoryDescriptor,
        _ propagation: dnnl_prop_kind_t = dnnl_forward_inference
    ) throws -> PrimitiveDescriptor {
        let attributes = try PrimitiveAttributes()
        return try PrimitiveDescriptor("pooling of \(sourceShape)", .elements(sourceShape.elementCount)) { result, engine in
            dnnl_pooling_forward_primitive_desc_create(
                &result, engine, propagation, kind.algorithm, source.handle, target.handle, window.dimensionStrides,
                window.dimensionExtents, window.dimensionDilations, window.dimensionPadsBegin, window.dimensionPadsEnd,
                attributes.handle)
        }
    }
}

/// oneDNN divides by all taps of the window that it is given, ONNX by those on source and pads.
private struct DivisorCorrection {
    private let shape: Shape
    private let layout: Layout
    /// For each spatial axis and position oneDNN's divisor over ONNX's.
    private let factors: [[Float]]

    /// Nil if they are the same everywhere. `given` is the window that oneDNN sees.
    init?(_ geometry: PoolingGeometry, _ given: WindowGeometry, _ layout: Layout) {
        let window = geometry.window
        let factors = geometry.axes.map { axis in
            let end = geometry.sourceShape[axis + 2] + window.padsEnd[axis]
            return (0..<geometry.targetShape[axis + 2]).map { position in
                let room = end - geometry.taps(axis, at: position).start
                let counted = (room + window.dilations[axis] - 1) / window.dilations[axis]
                return Float(given.extents[axis]) / Float(min(window.extents[axis], counted))
            }
        }
        guard factors.joined().contains(where: { $0 != 1 }) else { return nil }
        self.factors = factors
        self.layout = layout
        shape = geometry.targetShape
    }

    func apply(_ target: UnsafeMutablePointer<Float>) {
        let positions = shape.dropFirst(2).reduce(1, *)
        let (outer, inner) = layout == .rowMajor ? (shape[0] * shape[1], 1) : (shape[0], shape[1])
        for position in 0..<positions {
            var rest = position
            var factor: Float = 1
            for axis in factors.indices.reversed() {
                factor *= factors[axis][rest % factors[axis].count]
                rest /= factors[axis].count
            }
            guard factor != 1 else { continue }
            for block in 0..<outer {
                let base = (block * positions + position) * inner
                for index in base..<(base + inner) { target[index] *= factor }
            }
        }
    }
}
