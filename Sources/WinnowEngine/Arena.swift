/// A block of memory with the steps between which it is needed.
package struct MemoryBlock {
    package var byteCount: Int
    /// The step that writes it (−1: before the first) and the last that reads it.
    package var lifetime: ClosedRange<Int>

    package init(byteCount: Int, lifetime: ClosedRange<Int>) {
        self.byteCount = byteCount
        self.lifetime = lifetime
    }

    fileprivate func roundedByteCount(to alignment: Int) -> Int { (max(byteCount, 1) + alignment - 1) / alignment * alignment }
}

extension MemoryBlock {
    /// With more blocks, comparing each with all larger ones takes longer than the bytes are worth.
    private static let countLimit = 4096

    /// Offsets at which blocks alive at the same time do not overlap, and the bytes all take.
    package static func place(_ blocks: [MemoryBlock], alignment: Int = 64) -> (offsets: [Int], byteCount: Int) {
        blocks.count > countLimit ? placeByTime(blocks, alignment) : placeBySize(blocks, alignment)
    }

    /// Largest first, each at the lowest free place (greedy by size, Pisarchyk and Lee 2020, §4.3).
    private static func placeBySize(_ blocks: [MemoryBlock], _ alignment: Int) -> (offsets: [Int], byteCount: Int) {
        var offsets = [Int](repeating: 0, count: blocks.count)
        var placed: [Int] = []
        var total = 0
        let order = blocks.indices.sorted {
            (blocks[$1].byteCount, $0) < (blocks[$0].byteCount, $1)
        }
        for index in order {
            let block = blocks[index]
            let size = block.roundedByteCount(to: alignment)
            var offset = 0
            // `placed` is kept sorted by offset.
            for other in placed where blocks[other].lifetime.overlaps(block.lifetime) {
                if offsets[other] >= offset + size { break }
                offset = max(offset, offsets[other] + blocks[other].roundedByteCount(to: alignment))
            }
            offsets[index] = offset
            let position = placed.firstIndex { offsets[$0] > offset } ?? placed.endIndex
            placed.insert(index, at: position)
            total = max(total, offset + size)
        }
        return (offsets, total)
    }

    /// Earliest first, each in the first gap that those no longer needed have left.
    private static func placeByTime(_ blocks: [MemoryBlock], _ alignment: Int) -> (offsets: [Int], byteCount: Int) {
        var offsets = [Int](repeating: 0, count: blocks.count)
        var memory = FreeMemory()
        let ending = blocks.indices.sorted { blocks[$0].lifetime.upperBound < blocks[$1].lifetime.upperBound }
        var ended = 0
        for index in blocks.indices.sorted(by: { (blocks[$0].lifetime.lowerBound, $0) < (blocks[$1].lifetime.lowerBound, $1) }) {
            while ended < ending.count, blocks[ending[ended]].lifetime.upperBound < blocks[index].lifetime.lowerBound {
                let old = ending[ended]
                memory.release(offsets[old]..<offsets[old] + blocks[old].roundedByteCount(to: alignment))
                ended += 1
            }
            offsets[index] = memory.take(blocks[index].roundedByteCount(to: alignment))
        }
        return (offsets, memory.byteCount)
    }
}

/// Memory that grows at its end, and the gaps in it.
private struct FreeMemory {
    private(set) var byteCount = 0
    /// Rising, none next to another.
    private var gaps: [Range<Int>] = []

    /// The offset of a new block.
    mutating func take(_ size: Int) -> Int {
        if let gap = gaps.firstIndex(where: { $0.count >= size }) {
            let offset = gaps[gap].lowerBound
            gaps[gap] = offset + size..<gaps[gap].upperBound
            if gaps[gap].isEmpty { gaps.remove(at: gap) }
            return offset
        }
        let offset = gaps.last?.upperBound == byteCount ? gaps.removeLast().lowerBound : byteCount
        byteCount = offset + size
        return offset
    }

    mutating func release(_ block: Range<Int>) {
        var (low, high) = (0, gaps.count)
        while low < high {
            let middle = (low + high) / 2
            if gaps[middle].lowerBound < block.lowerBound { low = middle + 1 } else { high = middle }
        }
        var (block, first, end) = (block, low, low)
        if low > 0, gaps[low - 1].upperBound == block.lowerBound { (block, first) = (gaps[low - 1].lowerBound..<block.upperBound, low - 1) }
        if low < gaps.count, gaps[low].lowerBound == block.upperBound { (block, end) = (block.lowerBound..<gaps[low].upperBound, low + 1) }
        gaps.replaceSubrange(first..<end, with: [block])
    }
}
