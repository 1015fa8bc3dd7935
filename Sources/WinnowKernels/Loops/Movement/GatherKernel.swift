package import WinnowTensor

/// Slices of a dense tensor along one axis, picked by index (ONNX's Gather); packed 4-bit types are refused.
package struct GatherKernel: Sendable {
    private let outer: Int
    private let extent: Int
    private let indexCount: Int
    private let sliceByteCount: Int
    private let reader: IndexReader

    package init(_ shape: Shape, axis: Int, indexCount: Int, indexType: ElementType, _ elementType: ElementType) throws {
        guard elementType.bitWidth >= 8 else {
            throw WinnowError(.unsupported, "gather", "is not defined for packed \(elementType)")
        }
        outer = shape[..<axis].reduce(1, *)
        extent = shape[axis]
        self.indexCount = indexCount
        sliceByteCount = shape[(axis + 1)...].reduce(1, *) * elementType.bitWidth / 8
        reader = try IndexReader(indexType, subject: "gather")
    }

    /// Throws `data` for an index out of range.
    package func run(_ source: UnsafeRawPointer, indices: UnsafeRawPointer, to target: UnsafeMutableRawPointer) throws {
        for row in 0..<outer {
            let from = source + row * extent * sliceByteCount
            let to = target + row * indexCount * sliceByteCount
            for position in 0..<indexCount {
                let index = try reader.read(indices, position, extent: extent)
                (to + position * sliceByteCount).copyMemory(from: from + index * sliceByteCount, byteCount: sliceByteCount)
            }
        }
    }
}

/// One element per index along an axis (ONNX's GatherElements).
package struct GatherElementsKernel: Sendable {
    private let nest: LoopNest
    private let extent: Int
    private let axisStride: Int
    private let byteCount: Int
    private let reader: IndexReader

    package init(
        _ shape: Shape, indices: Shape, axis: Int, indexType: ElementType, _ elementType: ElementType
    ) throws {
        guard elementType.bitWidth >= 8 else {
            throw WinnowError(.unsupported, "gather elements", "is not defined for packed \(elementType)")
        }
        nest = try ElementIndexing.nest(shape, indices, axis: axis, subject: "gather elements")
        extent = shape[axis]
        axisStride = shape.strides[axis]
        byteCount = elementType.bitWidth / 8
        reader = try IndexReader(indexType, subject: "gather elements")
    }

    package func run(_ source: UnsafeRawPointer, indices: UnsafeRawPointer, to target: UnsafeMutableRawPointer) throws {
        var failure: (any Error)?
        nest.forEach(0..<nest.count) { offsets in
            do {
                let index = try reader.read(indices, offsets[0], extent: extent)
                (target + offsets[0] * byteCount).copyMemory(
                    from: source + (offsets[1] + index * axisStride) * byteCount, byteCount: byteCount)
            } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// The walk that GatherElements and ScatterElements share.
enum ElementIndexing {
    /// Offsets: into the indices, and into the data with the axis left out.
    static func nest(_ shape: Shape, _ indices: Shape, axis: Int, subject: String) throws -> LoopNest {
        let fits = shape.rank == indices.rank && shape.indices.allSatisfy { $0 == axis || indices[$0] <= shape[$0] }
        guard fits else { throw WinnowError(.shape, subject, "indices of \(indices) do not fit data of \(shape)") }
        var strides = shape.strides
        strides[axis] = 0
        return LoopNest(extents: indices.extents, strides: [indices.strides, strides])
    }
}
