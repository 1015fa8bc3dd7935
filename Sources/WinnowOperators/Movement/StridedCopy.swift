import WinnowKernels
import WinnowTensor

/// A copy between two strided views of the same extents, planned once: what Slice, Split, Concat, Pad, Expand and Tile do.
struct StridedCopy {
    private var extents: [Int] = []
    private var sourceStrides: [Int] = []
    private var targetStrides: [Int] = []
    private let sourceOffset: Int
    private let targetOffset: Int
    private let elementByteCount: Int

    /// Strides and offsets count elements; a stride of 0 repeats, a negative one walks backwards.
    init(
        extents: [Int], from source: (strides: [Int], offset: Int), to target: (strides: [Int], offset: Int),
        elementByteCount: Int
    ) {
        sourceOffset = source.offset
        targetOffset = target.offset
        self.elementByteCount = elementByteCount
        for (axis, extent) in extents.enumerated() where extent != 1 {
            let (s, t) = (source.strides[axis], target.strides[axis])
            if let lastS = sourceStrides.last, let lastT = targetStrides.last, lastS == s * extent, lastT == t * extent {
                self.extents[self.extents.count - 1] *= extent
                sourceStrides[sourceStrides.count - 1] = s
                targetStrides[targetStrides.count - 1] = t
            } else {
                self.extents.append(extent)
                sourceStrides.append(s)
                targetStrides.append(t)
            }
        }
        if self.extents.isEmpty { (self.extents, sourceStrides, targetStrides) = ([1], [1], [1]) }
    }

    func run(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        switch elementByteCount {
        case 1: run(UInt8.self, source, target)
        case 2: run(UInt16.self, source, target)
        case 4: run(UInt32.self, source, target)
        default: run(UInt64.self, source, target)
        }
    }

    private func run<Word: BitwiseCopyable>(
        _ type: Word.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
    ) {
        guard !extents.contains(0) else { return }
        let from = source.assumingMemoryBound(to: Word.self) + sourceOffset
        let to = target.assumingMemoryBound(to: Word.self) + targetOffset
        let rank = extents.count
        let (count, sourceStep, targetStep) = (extents[rank - 1], sourceStrides[rank - 1], targetStrides[rank - 1])
        let rows = extents.dropLast().reduce(1, *)
        Parallel.forRanges(rows, minimum: max(1, 65_536 / max(count, 1))) { range in
            for row in range {
                let (s, t) = offsets(ofRow: row)
                if sourceStep == 1, targetStep == 1 {
                    (to + t).update(from: from + s, count: count)
                } else {
                    for i in 0..<count { to[t + i * targetStep] = from[s + i * sourceStep] }
                }
            }
        }
    }

    private func offsets(ofRow row: Int) -> (source: Int, target: Int) {
        var rest = row
        var (source, target) = (0, 0)
        var axis = extents.count - 2
        while axis >= 0 {
            let (quotient, index) = rest.quotientAndRemainder(dividingBy: extents[axis])
            source += index * sourceStrides[axis]
            target += index * targetStrides[axis]
            rest = quotient
            axis -= 1
        }
        return (source, target)
    }
}
