import Testing

import WinnowKernels

extension OneDNNTests {
    @Suite struct ParallelTests {
        @Test(arguments: [0, 1, 2, 3, 7, 1000], [1, 2, 5]) func everyIndexOnce(count: Int, threads: Int) {
            defer { ThreadCount.set(0) }
            ThreadCount.set(threads)
            let hits = UnsafeMutablePointer<Int>.allocate(capacity: count + 1)
            hits.initialize(repeating: 0, count: count + 1)
            defer { hits.deallocate() }
            nonisolated(unsafe) let target = hits
            Parallel.forEach(count) { target[$0] += 1 }
            Parallel.forRanges(count, minimum: 100) { for index in $0 { target[index] += 1 } }
            #expect((0..<count).allSatisfy { hits[$0] == 2 })
            #expect(hits[count] == 0)
        }

        @Test func rangesAreAsLargeAsAsked() {
            nonisolated(unsafe) var smallest = Int.max
            Parallel.forRanges(99, minimum: 50) { smallest = min(smallest, $0.count) }
            #expect(smallest == 99)
        }

        @Test func partsRunOnceEachEvenIfThereAreMoreThanThreads() {
            let hits = UnsafeMutablePointer<Int>.allocate(capacity: 100)
            hits.initialize(repeating: 0, count: 100)
            defer { hits.deallocate() }
            nonisolated(unsafe) let target = hits
            Parallel.forParts(100) { target[$0] += 1 }
            #expect((0..<100).allSatisfy { hits[$0] == 1 })
        }
    }
}
