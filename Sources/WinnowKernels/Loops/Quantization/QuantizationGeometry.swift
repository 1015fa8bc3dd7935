package import WinnowTensor

/// Which scale each element of a dense tensor uses: one for all, one for each index along an axis, or one for each block
/// of indices along an axis.
package struct QuantizationGeometry: Hashable, Sendable {
    package let elementCount: Int
    /// The number of scales.
    package let scaleCount: Int
    /// Rows of elements that lie together and use one scale, or each the next scale.
    let rowCount: Int
    let rowLength: Int
    /// 0: one scale for a row, 1: scales advance along it.
    let scaleStep: Int
    private let period: Int
    private let rowsPerScale: Int
    /// For blocks along an inner axis: rows of the axis, rows of one block.
    private let isBlocked: Bool
    /// Blocks along the innermost axis may end early.
    private let innerExtent: Int

    /// One scale for all.
    package init(perTensor shape: Shape) {
        self.init(
            elementCount: shape.elementCount, scaleCount: 1, rowCount: 1, rowLength: shape.elementCount, scaleStep: 0,
            period: 1)
    }

    /// One scale for each index along logical `axis`.
    package init(perAxis axis: Int, of shape: Shape, layout: Layout = .rowMajor) {
        let order = layout.permutation(rank: shape.rank)
        let position = order.firstIndex(of: axis) ?? axis
        let outer = order[..<position].reduce(1) { $0 * shape[$1] }
        let inner = order[(position + 1)...].reduce(1) { $0 * shape[$1] }
        let extent = shape[axis]
        if inner == 1 {
            self.init(
                elementCount: shape.elementCount, scaleCount: extent, rowCount: outer, rowLength: extent, scaleStep: 1,
                period: 1)
        } else {
            self.init(
                elementCount: shape.elementCount, scaleCount: extent, rowCount: outer * extent, rowLength: inner,
                scaleStep: 0, period: extent)
        }
    }

    /// One scale for each `blockSize` indices along `axis` of a row-major tensor, and for each index of the other axes.
    package init(blocksOf blockSize: Int, axis: Int, of shape: Shape) {
        let outer = shape[..<axis].reduce(1, *)
        let inner = shape[(axis + 1)...].reduce(1, *)
        let extent = shape[axis]
        let blocks = (extent + blockSize - 1) / blockSize
        if inner == 1 {
            self.init(
                elementCount: shape.elementCount, scaleCount: outer * blocks, rowCount: outer * blocks,
                rowLength: blockSize, scaleStep: 0, period: blocks, isBlocked: true, innerExtent: extent)
        } else {
            self.init(
                elementCount: shape.elementCount, scaleCount: outer * blocks * inner, rowCount: outer * extent,
                rowLength: inner, scaleStep: 1, period: extent, rowsPerScale: blockSize, isBlocked: true)
        }
    }

    private init(
        elementCount: Int, scaleCount: Int, rowCount: Int, rowLength: Int, scaleStep: Int, period: Int,
        rowsPerScale: Int = 1, isBlocked: Bool = false, innerExtent: Int = 0
    ) {
        self.elementCount = elementCount
        self.scaleCount = scaleCount
        self.rowCount = rowCount
        self.rowLength = rowLength
        self.scaleStep = scaleStep
        self.period = period
        self.rowsPerScale = rowsPerScale
        self.isBlocked = isBlocked
        self.innerExtent = innerExtent
    }

    /// The first element of a row, its length, and its first scale.
    @inline(__always)
    func row(_ row: Int) -> (start: Int, count: Int, scale: Int) {
        if !isBlocked { return (row * rowLength, rowLength, scaleStep == 1 ? 0 : row % period) }
        if innerExtent > 0 {
            let (outer, block) = row.quotientAndRemainder(dividingBy: period)
            let start = block * rowLength
            return (outer * innerExtent + start, min(rowLength, innerExtent - start), row)
        }
        let (outer, index) = row.quotientAndRemainder(dividingBy: period)
        let blocks = (period + rowsPerScale - 1) / rowsPerScale
        return (row * rowLength, rowLength, (outer * blocks + index / rowsPerScale) * rowLength)
    }

    /// Calls `body` for pieces of rows on several threads: first element, count, first scale.
    func forEachPiece(_ body: (_ start: Int, _ count: Int, _ scale: Int) -> Void) {
        if rowCount == 1 && scaleStep == 0 {
            return forChunks(rowLength) { start, count in body(start, count, 0) }
        }
        forChunks(rowCount, minimum: max(1, threadShare / max(rowLength, 1))) { first, count in
            for index in first..<(first + count) {
                let (start, count, scale) = row(index)
                body(start, count, scale)
            }
        }
    }
}
