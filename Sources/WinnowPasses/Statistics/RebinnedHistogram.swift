import WinnowKernels

/// Counts in equal bins from the smallest to the largest number. Where those move apart, sixteenths of each count go to the bins
/// that their middles lie in (HistogramObserver of torch 2.13 and torchao, in its float32 arithmetic).
package struct RebinnedHistogram: Sendable {
    package static let binCount = 2048
    private static let parts = 16
    package private(set) var counts: [Float] = []
    package private(set) var low: Float = 0
    package private(set) var high: Float = 0

    package init() {}

    /// Numbers between `low` and `high`.
    mutating func add(_ values: UnsafeBufferPointer<Float>, low: Float, high: Float) {
        cover(low, high)
        let new = EqualBins.counts(of: values, from: self.low, to: self.high, bins: Self.binCount)
        for index in counts.indices { counts[index] += new[index] }
    }

    mutating func merge(_ other: RebinnedHistogram) {
        guard !other.counts.isEmpty else { return }
        cover(other.low, other.high)
        var other = other
        other.cover(low, high)
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// Lets the bins reach from the least of both ends to the largest.
    private mutating func cover(_ newLow: Float, _ newHigh: Float) {
        guard !counts.isEmpty else {
            (low, high, counts) = (newLow, newHigh, [Float](repeating: 0, count: Self.binCount))
            return
        }
        let (newLow, newHigh) = (min(low, newLow), max(high, newHigh))
        guard newLow < low || newHigh > high else { return }
        counts = low == high ? collected(newLow, newHigh) : rebinned(newLow, newHigh)
        (low, high) = (newLow, newHigh)
    }

    /// All counts in the bin of the one number seen.
    private func collected(_ newLow: Float, _ newHigh: Float) -> [Float] {
        let sum = counts.reduce(0, +)
        let place = withUnsafePointer(to: low) { number in
            EqualBins.counts(of: UnsafeBufferPointer(start: number, count: 1), from: newLow, to: newHigh, bins: Self.binCount)
        }
        return place.map { $0 * sum }
    }

    private func rebinned(_ newLow: Float, _ newHigh: Float) -> [Float] {
        let (bins, parts) = (Self.binCount, Self.parts)
        let old = EqualBins.edges(from: low, to: high, bins: bins * parts)
        let new = EqualBins.edges(from: newLow, to: newHigh, bins: bins)
        let half = 0.5 * ((high - low) / Float(bins * parts))
        var (result, bin) = ([Float](repeating: 0, count: bins), 0)
        for part in 0..<(bins * parts) {
            let middle = old[part] + half
            while bin < bins - 1, new[bin + 1] <= middle { bin += 1 }
            while bin > 0, new[bin] > middle { bin -= 1 }
            result[bin] += counts[part / parts] / Float(parts)
        }
        return result
    }
}
