/// A block of memory with the steps between which it is needed.
package struct MemoryBlock {
    package var byteCount: Int
    /// The step that writes it (−1: before the first) and the last that reads it.
    package var lifetime: ClosedRange<Int>

    package init(byteCount: Int, lifetime: ClosedRange<Int>) {
        self.byteCount = byteCount
        self.lifetime = lifetime
    }
}

extension MemoryBlock {
    /// Offsets at which blocks alive at the same time do not overlap, and the bytes all take: largest first, each at the
    /// lowest free place (greedy by size, Pisarchyk and Lee 2020, §4.3).
    package static func place(_ blocks: [MemoryBlock], alignment: Int = 64) -> (offsets: [Int], byteCount: Int) {
        var offsets = [Int](repeating: 0, count: blocks.count)
        var placed: [Int] = []
        var total = 0
        let order = blocks.indices.sorted {
            (blocks[$1].byteCount, $0) < (blocks[$0].byteCount, $1)
        }
        for index in order {
            let block = blocks[index]
            let size = (max(block.byteCount, 1) + alignment - 1) / alignment * alignment
            var offset = 0
            // `placed` is kept sorted by offset.
            for other in placed where blocks[other].lifetime.overlaps(block.lifetime) {
                if offsets[other] >= offset + size { break }
                let end = offsets[other] + (max(blocks[other].byteCount, 1) + alignment - 1) / alignment * alignment
                offset = max(offset, end)
            }
            offsets[index] = offset
            let position = placed.firstIndex { offsets[$0] > offset } ?? placed.endIndex
            placed.insert(index, at: position)
            total = max(total, offset + size)
        }
        return (offsets, total)
    }
}
