/// Order statistics of float32 scores by counting over their bits: O(count), deterministic.
///
/// NaN counts as larger than every number, so what has no score is the last to be pruned; −0 is 0.
package enum Selection {
    /// Where the cut lies that separates the smallest scores from the rest.
    package struct Cut: Hashable, Sendable {
        /// The largest score below the cut; nil if nothing is.
        package let threshold: Float?
        /// How many scores equal to the threshold are below the cut: those with the lowest indices.
        package let tieCount: Int
    }

    /// An integer that is ordered as the scores are.
    @inline(__always)
    static func rank(_ score: Float) -> UInt32 {
        // Adding 0 makes −0 the same score as 0.
        let bits = (score + 0).bitPattern
        let flip = UInt32(bitPattern: Int32(bitPattern: bits) &>> 31) | 0x8000_0000
        return score != score ? .max : bits ^ flip
    }

    private static func score(_ rank: UInt32) -> Float {
        rank == .max ? .nan : Float(bitPattern: rank >> 31 == 1 ? rank & 0x7FFF_FFFF : ~rank)
    }

    /// The bin that holds the element number `count` (from 1), and how many of that bin are needed.
    private static func bin(_ bins: [Int32], holding count: Int) -> (index: Int, rest: Int) {
        var rest = count
        for (index, size) in bins.enumerated() {
            if rest <= Int(size) { return (index, rest) }
            rest -= Int(size)
        }
        return (bins.count - 1, rest)
    }

    /// Hands scores to a function, some at a time, always the same in the same order.
    package typealias Visit = (_ take: (UnsafeBufferPointer<Float>) -> Void) -> Void

    /// How many ranks have each value of the 11 bits from `shift`, among those that agree with `prefix` above them.
    private static func counts(_ visit: Visit, prefix: UInt32, shift: UInt32, width: UInt32) -> [Int32] {
        var bins = [Int32](repeating: 0, count: 1 << width)
        let mask = (UInt32(1) << width) - 1
        let above = UInt64(shift) + UInt64(width)
        bins.withUnsafeMutableBufferPointer { bins in
            guard let bins = bins.baseAddress else { return }
            visit { buffer in
                guard let scores = buffer.baseAddress else { return }
                for i in 0..<buffer.count {
                    let rank = rank(scores[i])
                    if UInt64(rank) >> above == UInt64(prefix) { bins[Int((rank >> shift) & mask)] &+= 1 }
                }
            }
        }
        return bins
    }

    /// The cut below which exactly `count` of all scores lie; of equal scores the earlier buffer, then the lower index, is below.
    package static func smallest(_ count: Int, of buffers: [UnsafeBufferPointer<Float>]) -> Cut {
        smallest(min(count, buffers.reduce(0) { $0 + $1.count })) { take in buffers.forEach(take) }
    }

    /// The same for scores that `visit` hands over three times; `count` of them at least.
    package static func smallest(_ count: Int, of visit: Visit) -> Cut {
        var rest = count
        guard rest > 0 else { return Cut(threshold: nil, tieCount: 0) }
        var prefix: UInt32 = 0
        for (shift, width) in [(21, 11), (10, 11), (0, 10)] as [(UInt32, UInt32)] {
            let (index, inside) = bin(counts(visit, prefix: prefix, shift: shift, width: width), holding: rest)
            prefix = prefix << width | UInt32(index)
            rest = inside
        }
        return Cut(threshold: score(prefix), tieCount: rest)
    }

    /// The score with `index` smaller ones in sorted order.
    package static func orderStatistic(_ index: Int, of buffers: [UnsafeBufferPointer<Float>]) -> Float? {
        smallest(index + 1, of: buffers).threshold
    }

    /// Puts scores into rising order where they are.
    package static func sort(_ scores: UnsafeMutableBufferPointer<Float>) {
        scores.withMemoryRebound(to: UInt32.self) { keys in
            for index in keys.indices { keys[index] = rank(Float(bitPattern: keys[index])) }
            sort(keys, from: 0, to: keys.count, shift: 21)
            for index in keys.indices { keys[index] = score(keys[index]).bitPattern }
        }
    }

    /// A radix sort in place, the highest bits first (American flag sort; McIlroy, Bostic, McIlroy 1993).
    private static func sort(_ keys: UnsafeMutableBufferPointer<UInt32>, from start: Int, to end: Int, shift: UInt32) {
        guard end - start > 256 else { keys[start..<end].sort(); return }
        let width: UInt32 = shift == 0 ? 10 : 11
        let mask = (UInt32(1) << width) - 1
        func bin(_ key: UInt32) -> Int { Int((key >> shift) & mask) }
        var ends = [Int](repeating: 0, count: 1 << width)
        for index in start..<end { ends[bin(keys[index])] += 1 }
        var places = ends
        var sum = start
        for bin in ends.indices {
            places[bin] = sum
            sum += ends[bin]
            ends[bin] = sum
        }
        let starts = places
        for home in ends.indices {
            while places[home] < ends[home] {
                let place = places[home]
                let target = bin(keys[place])
                keys.swapAt(place, places[target])
                places[target] += 1
            }
        }
        guard shift > 0 else { return }
        for bin in ends.indices where ends[bin] - starts[bin] > 1 {
            sort(keys, from: starts[bin], to: ends[bin], shift: shift == 21 ? 10 : 0)
        }
    }
}
