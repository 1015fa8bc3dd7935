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
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 * rank) { work in
            for axis in 0..<rank {
                work[axis] = 0
                work[rank + axis] = extents[axis]
                work[2 * rank + axis] = sourceStrides[axis]
            }
            let inner = work[2 * rank - 1]
            let innerStride = work[3 * rank - 1]
            let rows = extents.dropLast().reduce(1, *)
            var offset = 0
            var out = 0
            for _ in 0..<rows {
                if innerStride == 1 {
                    (to + out).update(from: from + offset, count: inner)
                } else {
                    for i in 0..<inner { to[out + i] = from[offset + i * innerStride] }
                }
                out += inner
                var axis = rank - 2
                while axis >= 0 {
                    work[axis] += 1
                    offset += work[2 * rank + axis]
                    if work[axis] < work[rank + axis] { break }
                    offset -= work[axis] * work[2 * rank + axis]
                    work[axis] = 0
                    axis -= 1
                }
            }
        }
    }
}
