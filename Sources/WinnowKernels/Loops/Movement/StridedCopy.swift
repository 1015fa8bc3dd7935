package import WinnowTensor

/// A copy between two strided walks over the same extents, planned once: transpose, slice, expand, concat, split, pad.
package struct StridedCopy: Sendable {
    private let rows: LoopNest
    private let rowLength: Int
    private let sourceStep: Int
    private let targetStep: Int
    /// When the innermost two axes are crossed over: the source is dense along the next outer axis.
    private let tile: Tile?
    private let sourceOffset: Int
    private let targetOffset: Int
    private let byteCount: Int

    private struct Tile: Sendable {
        var extent: Int
        var sourceStep: Int
        var targetStep: Int
    }

    /// Strides and offsets count elements; a source stride of 0 repeats, a negative one reverses.
    package init(
        extents: [Int], sourceStrides: [Int], targetStrides: [Int], sourceOffset: Int = 0, targetOffset: Int = 0,
        _ elementType: ElementType
    ) throws {
        guard elementType.bitWidth >= 8 else {
            throw WinnowError(.unsupported, "copy", "is not defined for packed \(elementType)", remedy: "cast it to 8 bits first")
        }
        self.init(
            nest: LoopNest(extents: extents, strides: [targetStrides, sourceStrides]), sourceOffset: sourceOffset,
            targetOffset: targetOffset, byteCount: elementType.bitWidth / 8)
    }

    private init(nest: LoopNest, sourceOffset: Int, targetOffset: Int, byteCount: Int) {
        rowLength = nest.inner.extent
        targetStep = nest.inner.strides[0]
        sourceStep = nest.inner.strides[1]
        self.sourceOffset = sourceOffset
        self.targetOffset = targetOffset
        self.byteCount = byteCount
        let outer = nest.outer
        let next = outer.extents.count - 1
        if sourceStep != 1, sourceStep != 0, outer.count > 1, outer.stride(axis: next, operand: 1) == 1 {
            tile = Tile(extent: outer.extents[next], sourceStep: 1, targetStep: outer.stride(axis: next, operand: 0))
            rows = outer.outer
        } else {
            tile = nil
            rows = outer
        }
    }

    /// Copies every element; `source` and `target` must not overlap.
    package func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        switch byteCount {
        case 1: run(UInt8.self, source, target)
        case 2: run(UInt16.self, source, target)
        case 4: run(UInt32.self, source, target)
        default: run(UInt64.self, source, target)
        }
    }

    private func run<Word: FixedWidthInteger & BitwiseCopyable>(
        _ word: Word.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
    ) {
        let x = source.assumingMemoryBound(to: Word.self) + sourceOffset
        let y = target.assumingMemoryBound(to: Word.self) + targetOffset
        if rows.count == 1 && tile == nil && sourceStep >= 0 {
            return forChunks(rowLength) { start, count in
                copyRow(x + start * sourceStep, y + start * targetStep, count)
            }
        }
        let size = rowLength * (tile?.extent ?? 1)
        forChunks(rows.count, minimum: max(1, 2 * threadShare / max(size, 1))) { start, count in
            rows.forEach(start..<(start + count)) { offsets in
                if let tile { copyTile(tile, x + offsets[1], y + offsets[0]) } else {
                    copyRow(x + offsets[1], y + offsets[0], rowLength)
                }
            }
        }
    }

    @inline(__always)
    private func copyRow<Word: FixedWidthInteger & BitwiseCopyable>(
        _ x: UnsafePointer<Word>, _ y: UnsafeMutablePointer<Word>, _ count: Int
    ) {
        switch (sourceStep, targetStep) {
        case (1, 1):
            // The call costs more than the copy of a short row.
            if count >= 16 { y.update(from: x, count: count) } else { for i in 0..<count { y[i] = x[i] } }
        case (0, 1): y.update(repeating: x[0], count: count)
        case (_, 1): for i in 0..<count { y[i] = x[i * sourceStep] }
        default: for i in 0..<count { y[i * targetStep] = x[i * sourceStep] }
        }
    }

    /// Rows are the tile's axis; walks in squares so that both sides stay in the cache.
    private func copyTile<Word: FixedWidthInteger & BitwiseCopyable>(
        _ tile: Tile, _ x: UnsafePointer<Word>, _ y: UnsafeMutablePointer<Word>
    ) {
        let side = 16
        for left in stride(from: 0, to: rowLength, by: side) {
            let right = min(left + side, rowLength)
            for top in stride(from: 0, to: tile.extent, by: side) {
                let bottom = min(top + side, tile.extent)
                for row in top..<bottom {
                    let from = x + row
                    let to = y + row * tile.targetStep
                    for i in left..<right { to[i * targetStep] = from[i * sourceStep] }
                }
            }
        }
    }
}

extension StridedCopy {
    /// The axes of a dense tensor in the order `permutation` lists them.
    package static func transpose(_ shape: Shape, _ permutation: [Int], _ elementType: ElementType) throws -> StridedCopy {
        let strides = shape.strides
        return try StridedCopy(
            extents: permutation.map { shape[$0] }, sourceStrides: permutation.map { strides[$0] },
            targetStrides: shape.permuted(permutation).strides, elementType)
    }

    /// From one layout to another.
    package static func reorder(_ shape: Shape, from: Layout, to: Layout, _ elementType: ElementType) throws -> StridedCopy {
        let order = to.permutation(rank: shape.rank)
        let source = from.strides(of: shape)
        let target = to.strides(of: shape)
        return try StridedCopy(
            extents: order.map { shape[$0] }, sourceStrides: order.map { source[$0] },
            targetStrides: order.map { target[$0] }, elementType)
    }

    /// Elements starts[a] + i·steps[a] for i in 0..<extents[a] along every axis a; steps may be negative.
    package static func slice(
        _ shape: Shape, starts: [Int], steps: [Int], extents: [Int], _ elementType: ElementType
    ) throws -> StridedCopy {
        let strides = shape.strides
        return try StridedCopy(
            extents: extents, sourceStrides: zip(strides, steps).map(*), targetStrides: Shape(extents).strides,
            sourceOffset: extents.contains(0) ? 0 : zip(starts, strides).map(*).reduce(0, +), elementType)
    }

    /// A whole dense tensor into the box at `starts` of a larger one: a part of concat, the middle of a constant pad.
    package static func insert(
        _ shape: Shape, into target: Shape, at starts: [Int], steps: [Int]? = nil, _ elementType: ElementType
    ) throws -> StridedCopy {
        let strides = target.strides
        return try StridedCopy(
            extents: shape.extents, sourceStrides: shape.strides,
            targetStrides: zip(strides, steps ?? strides.map { _ in 1 }).map(*),
            targetOffset: shape.elementCount == 0 ? 0 : zip(starts, strides).map(*).reduce(0, +), elementType)
    }

    /// A dense tensor repeated by NumPy's broadcasting rules to `target`.
    package static func expand(_ shape: Shape, to target: Shape, _ elementType: ElementType) throws -> StridedCopy {
        guard shape.rank <= target.rank, shape.broadcast(with: target) == target else {
            throw WinnowError(.shape, "expand", "\(shape) does not expand to \(target)")
        }
        let padded = Shape([Int](repeating: 1, count: target.rank - shape.rank) + shape)
        return try StridedCopy(
            extents: target.extents, sourceStrides: zip(padded, padded.strides).map { $0 == 1 ? 0 : $1 },
            targetStrides: target.strides, elementType)
    }
}
