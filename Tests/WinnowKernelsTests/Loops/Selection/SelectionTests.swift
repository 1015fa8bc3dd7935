import Foundation
import Testing
import WinnowKernels
import WinnowTensor

@Suite struct SelectionTests {
    @Test(arguments: [1, 7, 500, 999, 1000, 1400]) func cutsFollowASort(count: Int) {
        var data = RandomGenerator(seed: 2)
        let scores = [700, 0, 300].map { size in (0..<size).map { _ in (data.normal() * 8).rounded() / 8 } }
        let buffers = scores.map { values in
            let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count)
            _ = buffer.initialize(from: values)
            return buffer
        }
        defer { buffers.forEach { $0.deallocate() } }
        let cut = Selection.smallest(count, of: buffers.map { UnsafeBufferPointer($0) })
        let sorted = scores.joined().sorted()
        let last = sorted[min(count, 1000) - 1]
        #expect(cut.threshold == last)
        #expect(cut.tieCount == sorted.prefix(count).count { $0 == last })
    }

    @Test(arguments: [0, 1, 255, 300, 100_000]) func sortsInPlace(count: Int) {
        var random = RandomGenerator(seed: 3)
        let values = (0..<count).map { $0 % 3 == 0 ? random.normal() : Float(Int.random(in: -2...2, using: &random)) }
        var sorted = values
        sorted.withUnsafeMutableBufferPointer { Selection.sort($0) }
        #expect(sorted == values.sorted())
    }

    @Test func orderStatistics() {
        let scores: [Float] = [3, 1, 2, 2, 5, -4, 0]
        scores.withUnsafeBufferPointer { buffer in
            #expect((0..<7).map { Selection.orderStatistic($0, of: [buffer]) } == [-4, 0, 1, 2, 2, 3, 5])
            #expect(Selection.smallest(0, of: [buffer]).threshold == nil)
            #expect(Selection.smallest(4, of: [buffer]).tieCount == 1)
        }
    }

    @Test(arguments: [0, 1, 2], [true, false]) func topKMatchesSorting(axis: Int, largest: Bool) throws {
        var data = TestTensors(seed: 3)
        let x = data.integers([3, 6, 4], .uint8).converted(to: .float32)
        for count in 0...x.shape[axis] {
            let kernel = try TopKKernel(.float32, x.shape, axis: axis, count: count, largest: largest)
            var shape = x.shape
            shape[axis] = count
            let (values, indices) = (Block(shape), Block(shape, .int64))
            kernel.run(
                x.pointer.assumingMemoryBound(to: Float.self), values: values.base.assumingMemoryBound(to: Float.self),
                indices: indices.base.assumingMemoryBound(to: Int64.self))
            let (found, places) = (values.tensor(shape).floats(), indices.tensor(shape, .int64).integers())
            for index in 0..<shape.elementCount {
                var place = coordinates(index, shape)
                let rank = place[axis]
                let line = (0..<x.shape[axis]).map { i in
                    place[axis] = i
                    return x.floats()[position(place, x.shape)]
                }
                let order = line.indices.sorted { line[$0] == line[$1] ? $0 < $1 : (line[$0] > line[$1]) == largest }
                #expect(found[index] == line[order[rank]] && places[index] == order[rank])
            }
        }
    }
}
