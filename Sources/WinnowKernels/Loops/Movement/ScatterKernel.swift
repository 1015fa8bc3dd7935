package import WinnowTensor

/// How a scattered element meets the one already there.
package enum ScatterReduction: String, Hashable, Sendable, CaseIterable {
    case none, add, mul, min, max

    /// Truth values are added as "or" and multiplied as "and".
    func function(for elementType: ElementType) -> BinaryFunction? {
        switch self {
        case .none: nil
        case .add where elementType == .bool: .or
        case .max where elementType == .bool: .or
        case .mul where elementType == .bool: .and
        case .min where elementType == .bool: .and
        case .add: .add
        case .mul: .multiply
        case .min: .minimum
        case .max: .maximum
        }
    }
}

/// Writes runs of elements of `updates` to indexed places of `target`, which already holds the data.
struct ScatterWriter: Sendable {
    private let loop: BinaryLoop?
    let byteCount: Int

    init(_ reduction: ScatterReduction, _ elementType: ElementType, subject: String) throws {
        guard elementType.bitWidth >= 8 else {
            throw WinnowError(.unsupported, subject, "is not defined for packed \(elementType)")
        }
        byteCount = elementType.bitWidth / 8
        loop = reduction.function(for: elementType).flatMap { BinaryKernel.loop($0, elementType) }
        if reduction != .none && loop == nil {
            throw WinnowError(.unsupported, subject, "cannot reduce \(elementType) by \(reduction.rawValue)")
        }
    }

    @inline(__always)
    func write(_ update: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int) {
        if let loop { loop(BinaryRow(a: target, b: update, target: target, count: count)) } else {
            target.copyMemory(from: update, byteCount: count * byteCount)
        }
    }
}

/// One element per index along an axis (ONNX's ScatterElements); also the gradient of GatherElements.
package struct ScatterElementsKernel: Sendable {
    private let nest: LoopNest
    private let extent: Int
    private let axisStride: Int
    private let reader: IndexReader
    private let writer: ScatterWriter

    package init(
        _ shape: Shape, indices: Shape, axis: Int, _ reduction: ScatterReduction = .none, indexType: ElementType,
        _ elementType: ElementType
    ) throws {
        nest = try ElementIndexing.nest(shape, indices, axis: axis, subject: "scatter elements")
        extent = shape[axis]
        axisStride = shape.strides[axis]
        reader = try IndexReader(indexType, subject: "scatter elements")
        writer = try ScatterWriter(reduction, elementType, subject: "scatter elements")
    }

    /// `target` already holds the data.
    package func run(updates: UnsafeRawPointer, indices: UnsafeRawPointer, into target: UnsafeMutableRawPointer) throws {
        var failure: (any Error)?
        nest.forEach(0..<nest.count) { offsets in
            do {
                let index = try reader.read(indices, offsets[0], extent: extent)
                writer.write(
                    updates + offsets[0] * writer.byteCount,
                    target + (offsets[1] + index * axisStride) * writer.byteCount, 1)
            } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// Slices addressed by their first axes' index tuples (ONNX's ScatterND and GatherND without batch axes).
package struct TupleIndexKernel: Sendable {
    private let extents: [Int]
    private let strides: [Int]
    private let tupleCount: Int
    private let sliceCount: Int
    private let reader: IndexReader
    private let writer: ScatterWriter

    /// `indices` is [..., k]: tuples that pick slices of the trailing rank − k axes.
    package init(
        _ shape: Shape, indices: Shape, _ reduction: ScatterReduction = .none, indexType: ElementType,
        _ elementType: ElementType
    ) throws {
        guard let length = indices.last, length <= shape.rank else {
            throw WinnowError(.shape, "index tuples", "of \(indices) are longer than the rank of \(shape)")
        }
        extents = Array(shape[..<length])
        strides = Array(shape.strides[..<length])
        tupleCount = indices.dropLast().reduce(1, *)
        sliceCount = shape[length...].reduce(1, *)
        reader = try IndexReader(indexType, subject: "index tuples")
        writer = try ScatterWriter(reduction, elementType, subject: "index tuples")
    }

    private func offset(_ indices: UnsafeRawPointer, _ tuple: Int) throws -> Int {
        var offset = 0
        for axis in extents.indices {
            offset += try reader.read(indices, tuple * extents.count + axis, extent: extents[axis]) * strides[axis]
        }
        return offset
    }

    package func gather(_ source: UnsafeRawPointer, indices: UnsafeRawPointer, to target: UnsafeMutableRawPointer) throws {
        let byteCount = sliceCount * writer.byteCount
        for tuple in 0..<tupleCount {
            let from = source + (try offset(indices, tuple)) * writer.byteCount
            (target + tuple * byteCount).copyMemory(from: from, byteCount: byteCount)
        }
    }

    /// `target` already holds the data.
    package func scatter(updates: UnsafeRawPointer, indices: UnsafeRawPointer, into target: UnsafeMutableRawPointer) throws {
        for tuple in 0..<tupleCount {
            let to = target + (try offset(indices, tuple)) * writer.byteCount
            writer.write(updates + tuple * sliceCount * writer.byteCount, to, sliceCount)
        }
    }
}

/// Adds slices back to where Gather picked them from: the gradient of Gather.
package struct GatherGradientKernel: Sendable {
    private let outer: Int
    private let extent: Int
    private let indexCount: Int
    private let sliceCount: Int
    private let reader: IndexReader
    private let writer: ScatterWriter

    package init(_ shape: Shape, axis: Int, indexCount: Int, indexType: ElementType, _ elementType: ElementType) throws {
        outer = shape[..<axis].reduce(1, *)
        extent = shape[axis]
        self.indexCount = indexCount
        sliceCount = shape[(axis + 1)...].reduce(1, *)
        reader = try IndexReader(indexType, subject: "gather")
        writer = try ScatterWriter(.add, elementType, subject: "gather")
    }

    /// Sets `target` to zero and adds the slices of `gradient`.
    package func run(gradient: UnsafeRawPointer, indices: UnsafeRawPointer, to target: UnsafeMutableRawPointer) throws {
        let byteCount = sliceCount * writer.byteCount
        target.initializeMemory(as: UInt8.self, repeating: 0, count: outer * extent * byteCount)
        for row in 0..<outer {
            for position in 0..<indexCount {
                let index = try reader.read(indices, position, extent: extent)
                writer.write(
                    gradient + (row * indexCount + position) * byteCount, target + (row * extent + index) * byteCount,
                    sliceCount)
            }
        }
    }
}
