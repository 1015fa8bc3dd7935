/// Which scale each element of a dense tensor uses: one for all, one for each index along an axis, or one for each block
/// of indices along an axis.
///
/// The elements fall into rows that lie together and use one scale, or each the next scale.
package struct ScaleLayout: Hashable, Sendable {
    package let elementCount: Int
    /// The number of scales.
    package let scaleCount: Int
    package let rowCount: Int
    package let rowLength: Int
    /// 0: one scale for a row, 1: scales advance along it.
    package let scaleStep: Int
    private var period = 1
    private var rowsPerScale = 1
    /// For blocks along an inner axis: rows of the axis, rows of one block.
    private var isBlocked = false
    /// Blocks along the innermost axis may end early.
    private var innerExtent = 0

    /// One scale for all.
    package init(perTensor shape: Shape) {
        self.init(elementCount: shape.elementCount, scaleCount: 1, rowCount: 1, rowLength: shape.elementCount, scaleStep: 0)
    }

    /// One scale for each index along logical `axis`.
    package init(perAxis axis: Int, of shape: Shape, layout: Layout = .rowMajor) {
        let order = layout.permutation(rank: shape.rank)
        let position = order.firstIndex(of: axis) ?? axis
        let outer = order[..<position].reduce(1) { $0 * shape[$1] }
        let inner = order[(position + 1)...].reduce(1) { $0 * shape[$1] }
        let extent = shape[axis]
        let isInnermost = inner == 1
        self.init(
            elementCount: shape.elementCount, scaleCount: extent, rowCount: isInnermost ? outer : outer * extent,
            rowLength: isInnermost ? extent : inner, scaleStep: isInnermost ? 1 : 0)
        if !isInnermost { period = extent }
    }

    /// One scale for each `blockSize` indices along `axis` of a row-major tensor, and for each index of the other axes.
    package init(blocksOf blockSize: Int, axis: Int, of shape: Shape) {
        let outer = shape[..<axis].reduce(1, *)
        let inner = shape[(axis + 1)...].reduce(1, *)
        let extent = shape[axis]
        // A single row is taken to be as long as it says.
        let blockSize = max(1, min(blockSize, extent))
        let blocks = (extent + blockSize - 1) / blockSize
        let isInnermost = inner == 1
        self.init(
            elementCount: shape.elementCount, scaleCount: outer * blocks * inner, rowCount: outer * (isInnermost ? blocks : extent),
            rowLength: isInnermost ? blockSize : inner, scaleStep: isInnermost ? 0 : 1)
        isBlocked = true
        (period, rowsPerScale, innerExtent) = isInnermost ? (blocks, 1, extent) : (extent, blockSize, 0)
    }

    /// - Parameters:
    ///   - axis: nil: one scale for all.
    ///   - blockSize: indices along the axis that share a scale; 0: each has its own.
    package init(axis: Int?, blockSize: Int = 0, of shape: Shape) {
        guard let axis else { self.init(perTensor: shape); return }
        if blockSize > 0 { self.init(blocksOf: blockSize, axis: axis, of: shape) } else { self.init(perAxis: axis, of: shape) }
    }

    private init(elementCount: Int, scaleCount: Int, rowCount: Int, rowLength: Int, scaleStep: Int) {
        self.elementCount = elementCount
        self.scaleCount = scaleCount
        self.rowCount = rowCount
        self.rowLength = rowLength
        self.scaleStep = scaleStep
    }

    /// The first element of a row, its length, and its first scale.
    @inline(__always)
    package func row(_ row: Int) -> (start: Int, count: Int, scale: Int) {
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

    @inline(__always)
    private func rowIndex(of element: Int) -> Int {
        guard innerExtent > 0 else { return element / max(1, rowLength) }
        return element / innerExtent * period + element % innerExtent / rowLength
    }

    /// The scale that an element uses.
    package func scaleIndex(of element: Int) -> Int {
        let (start, _, scale) = row(rowIndex(of: element))
        return scale + scaleStep * (element - start)
    }

    /// Calls `body` with pieces of rows that cover `range`: elements, and the scale of the first; scales advance by `scaleStep`.
    @inline(__always)
    package func forEachRun(in range: Range<Int>, _ body: (_ run: Range<Int>, _ scale: Int) -> Void) {
        guard !range.isEmpty else { return }
        for index in rowIndex(of: range.lowerBound)...rowIndex(of: range.upperBound - 1) {
            let (start, count, scale) = row(index)
            let run = max(start, range.lowerBound)..<min(start + count, range.upperBound)
            body(run, scale + scaleStep * (run.lowerBound - start))
        }
    }
}
