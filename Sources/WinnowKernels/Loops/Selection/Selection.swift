/// Order statistics of float32 scores by two counting passes over their bits: O(count), no sorting.
///
/// NaN counts as larger than every number, so what has no score is the last to be pruned.
package enum Selection {
    /// Where the cut lies that separates the smallest scores from the rest.
    package struct Cut: Hashable, Sendable {
        /// The largest score below the cut; nil if nothing is.
        package let threshold: Float?
        /// How many scores equal to the threshold are below the cut: those with the lowest indices.
        package let tieCount: Int
    }

    @inline(__always)
    private static func rank(_ score: Float) -> UInt32 {
        if score != score { return .max }
        // Adding 0 makes −0 the same score as 0.
        let bits = (score + 0).bitPattern
        return bits >> 31 == 1 ? ~bits : bits | 0x8000_0000
    }

    private static func score(_ rank: UInt32) -> Float {
        rank == .max ? .nan : Float(bitPattern: rank >> 31 == 1 ? rank & 0x7FFF_FFFF : ~rank)
    }

    /// The bin that holds the element number `count` (from 1), and how many of that bin are needed.
    private static func bin(_ bins: [Int], holding count: Int) -> (index: Int, rest: Int) {
        var rest = count
        for (index, size) in bins.enumerated() {
            if rest <= size { return (index, rest) }
            rest -= size
        }
        return (bins.count - 1, rest)
    }

    /// The cut below which exactly `count` of all scores lie; of equal scores the earlier buffer, then the lower index, is below.
    package static func smallest(_ count: Int, of buffers: [UnsafeBufferPointer<Float>]) -> Cut {
        guard count > 0 else { return Cut(threshold: nil, tieCount: 0) }
        let total = buffers.reduce(0) { $0 + $1.count }
        let wanted = min(count, total)
        guard wanted > 0 else { return Cut(threshold: nil, tieCount: 0) }
        let high = counts(buffers) { Int(rank($0) >> 16) }
        let (upper, rest) = bin(high, holding: wanted)
        let low = counts(buffers) { Int(rank($0) >> 16) == upper ? Int(rank($0) & 0xFFFF) : -1 }
        let (lower, ties) = bin(low, holding: rest)
        return Cut(threshold: score(UInt32(upper) << 16 | UInt32(lower)), tieCount: ties)
    }

    private static func counts(_ buffers: [UnsafeBufferPointer<Float>], _ bin: (Float) -> Int) -> [Int] {
        [Int](unsafeUninitializedCapacity: 1 << 16) { bins, size in
            bins.initialize(repeating: 0)
            for buffer in buffers {
                for score in buffer {
                    let index = bin(score)
                    if index >= 0 { bins[index] += 1 }
                }
            }
            size = 1 << 16
        }
    }

    package static func smallest(_ count: Int, of scores: UnsafeBufferPointer<Float>) -> Cut { smallest(count, of: [scores]) }

    /// The score with `index` smaller ones in sorted order.
    package static func orderStatistic(_ index: Int, of buffers: [UnsafeBufferPointer<Float>]) -> Float? {
        smallest(index + 1, of: buffers).threshold
    }

    /// The largest score that is pruned when the `count` largest are kept; nil if nothing is pruned.
    package static func threshold(of scores: UnsafeBufferPointer<Float>, keeping count: Int) -> Float? {
        smallest(scores.count - count, of: scores).threshold
    }

    /// Writes 0 for the `count` smallest of all scores and 1 for the rest; masks are laid out as the scores.
    package static func writeMasks(
        pruning count: Int, of scores: [UnsafeBufferPointer<Float>], to masks: [UnsafeMutableBufferPointer<Float>]
    ) {
        let cut = smallest(count, of: scores)
        let limit = cut.threshold.map { rank($0) } ?? 0
        var ties = cut.tieCount
        for (buffer, mask) in zip(scores, masks) {
            for i in buffer.indices {
                let order = rank(buffer[i])
                var keeps = cut.threshold == nil || order > limit
                if order == limit && !keeps {
                    if ties > 0 { ties -= 1 } else { keeps = true }
                }
                mask[i] = keeps ? 1 : 0
            }
        }
    }

    /// The indices that sort `values`, equal ones in their order; NaN last when rising.
    package static func sortedIndices(_ values: UnsafeBufferPointer<Float>, descending: Bool = false) -> [Int] {
        // Index as tie-breaker: the standard sort does not promise stability.
        values.indices.sorted { a, b in
            let (x, y) = (rank(values[a]), rank(values[b]))
            return x == y ? a < b : (descending ? x > y : x < y)
        }
    }
}
