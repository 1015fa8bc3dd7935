/// A copy of a dense row-major tensor with its axes in another order, planned once.
package struct Permutation: Sendable {
    /// Axes of the target after merging neighbours that stay together: extent and distance in the source.
    private let extents: [Int]
    private let sourceStrides: [Int]
    private let elementByteCount: Int

    package init(shape: Shape, permutation: [Int], elementByteCount: Int) {
        var extents: [Int] = []
        var strides: [Int] = []
        let all = shape.strides
        for axis in permutation where shape[axis] != 1 {
            if let last = strides.last, last == all[axis] * shape[axis] {
                extents[extents.count - 1] *= shape[axis]
                strides[strides.count - 1] = all[axis]
            } else {
                extents.append(shape[axis])
                strides.append(all[axis])
            }
        }
        if shape.elementCount == 0 { extents = [0]; strides = [1] }
        if extents.isEmpty { extents = [1]; strides = [1] }
        self.extents = extents
        sourceStrides = strides
        self.elementByteCount = elementByteCount
    }

    /// Whether the copy moves nothing: source and target have the same bytes.
    package var isIdentity: Bool { extents.count == 1 && sourceStrides[0] == 1 }

    /// Copies every element; `source` and `target` must not overlap.
    package func copy(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        switch elementByteCount {
        case 1: copy(UInt8.self, source, target)
        case 2: copy(UInt16.self, source, target)
        case 4: copy(UInt32.self, source, target)
        default: copy(UInt64.self, source, target)
        }
    }

    private func copy<Word: BitwiseCopyable>(
        _ type: Word.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
    ) {
        let from = source.assumingMemoryBound(to: Word.self)
        let to = target.assumingMemoryBound(to: Word.self)
        let rank = extents.count
        let (inner, stride) = (extents[rank - 1], sourceStrides[rank - 1])
        // Two axes that change places are walked through in blocks, along the source inside.
        let crosses = rank > 1 && stride != 1 && sourceStrides[rank - 2] == 1
        let rowExtent = crosses ? extents[rank - 2] : 1
        let block = max(16, 1024 / max(inner, 1))
        var out = 0
        forEachOffset(axes: rank - (crosses ? 2 : 1)) { offset in
            let (x, y) = (from + offset, to + out)
            if crosses {
                for first in Swift.stride(from: 0, to: rowExtent, by: block) {
                    let end = min(first + block, rowExtent)
                    let words = elementByteCount == 1 ? inner / 4 * 4 : 0
                    crossBytes(x, y, rows: first..<end, columns: words, stride: stride, extent: inner)
                    for column in words..<inner {
                        let (a, b) = (x + column * stride, y + column)
                        for row in first..<end { b[row * inner] = a[row] }
                    }
                }
            } else if stride == 1 {
                y.update(from: x, count: inner)
            } else {
                for i in 0..<inner { y[i] = x[i * stride] }
            }
            out += inner * rowExtent
        }
    }

    /// Crosses the first `columns` columns of bytes over, four at a time: a store costs the same whatever its width.
    @inline(__always)
    private func crossBytes(
        _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, rows: Range<Int>, columns: Int, stride: Int, extent: Int
    ) {
        let x = source.assumingMemoryBound(to: UInt8.self)
        for column in Swift.stride(from: 0, to: columns, by: 4) {
            let (a, b) = (x + column * stride, x + (column + 1) * stride)
            let (c, d) = (x + (column + 2) * stride, x + (column + 3) * stride)
            for row in rows {
                let word = UInt32(a[row]) | UInt32(b[row]) << 8 | UInt32(c[row]) << 16 | UInt32(d[row]) << 24
                target.storeBytes(of: word.littleEndian, toByteOffset: row * extent + column, as: UInt32.self)
            }
        }
    }

    /// Calls `body` with the source's offset for every index of the first `axes` axes, the last one fastest.
    @inline(__always)
    private func forEachOffset(axes: Int, _ body: (Int) -> Void) {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: max(axes, 1)) { index in
            for axis in 0..<axes { index[axis] = 0 }
            var offset = 0
            for _ in 0..<extents[..<axes].reduce(1, *) {
                body(offset)
                var axis = axes - 1
                while axis >= 0 {
                    index[axis] += 1
                    offset += sourceStrides[axis]
                    if index[axis] < extents[axis] { break }
                    offset -= index[axis] * sourceStrides[axis]
                    index[axis] = 0
                    axis -= 1
                }
            }
        }
    }
}
