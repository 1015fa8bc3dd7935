import Testing
import WinnowEngine
import WinnowTensor

@Suite struct ArenaTests {
    /// Law: blocks alive at the same time never overlap, and the arena is no larger than all blocks together.
    @Test(arguments: 0..<50) func blocksAliveTogetherDoNotOverlap(_ seed: Int) {
        var random = RandomGenerator(seed: UInt64(seed))
        let blocks = (0..<40).map { _ in
            let start = Int(random.next() % 30)
            return MemoryBlock(byteCount: Int(random.next() % 5_000), lifetime: start...(start + Int(random.next() % 10)))
        }
        let (offsets, total) = MemoryBlock.place(blocks)
        for i in blocks.indices {
            #expect(offsets[i] % 64 == 0 && offsets[i] + blocks[i].byteCount <= total)
            for j in 0..<i where blocks[i].lifetime.overlaps(blocks[j].lifetime) {
                #expect(offsets[i] + blocks[i].byteCount <= offsets[j] || offsets[j] + blocks[j].byteCount <= offsets[i])
            }
        }
        #expect(total <= blocks.reduce(0) { $0 + ($1.byteCount + 63) / 64 * 64 + 64 })
    }

    /// So many blocks are placed by time, which must hold the same law and be about as good.
    @Test func manyBlocksDoNotOverlapEither() {
        var random = RandomGenerator(seed: 3)
        let blocks = (0..<5000).map { step in
            MemoryBlock(byteCount: Int(random.next() % 5_000), lifetime: step...(step + 1 + Int(random.next() % 30)))
        }
        let (offsets, total) = MemoryBlock.place(blocks)
        var needed = 0
        for i in blocks.indices {
            #expect(offsets[i] % 64 == 0 && offsets[i] + blocks[i].byteCount <= total)
            // No later block begins while an earlier one 31 places before is alive.
            let together = max(0, i - 31)..<i
            for j in together where blocks[i].lifetime.overlaps(blocks[j].lifetime) {
                #expect(offsets[i] + blocks[i].byteCount <= offsets[j] || offsets[j] + blocks[j].byteCount <= offsets[i])
            }
            needed = max(needed, together.filter { blocks[$0].lifetime.upperBound >= i }.reduce(0) { $0 + blocks[$1].byteCount })
        }
        #expect(total < 2 * needed)
    }

    @Test func aChainNeedsTwoBlocks() {
        let blocks = (0..<10).map { MemoryBlock(byteCount: 640, lifetime: $0...($0 + 1)) }
        #expect(MemoryBlock.place(blocks).byteCount == 1280)
    }
}
