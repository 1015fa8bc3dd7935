import Foundation

/// The range whose codes keep the distribution of the values best: the least Kullback–Leibler divergence Σ p·log(p/q) of what the
/// codes give from what was seen, values outside counted at the ends (Migacz 2017, "8-bit inference with TensorRT").
///
/// TensorRT's method and that of its toolkit for torch, which look at magnitudes alone, for ranges with two ends.
package struct EntropyRange: RangeRule {
    package static let name = "entropy"
    package static let needs: ObservedRange.Histograms = .growing
    /// Ranges that are tried.
    private static let tries = 128

    package init(percentile: Double) {}

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? {
        guard let histogram = observed.histogram, let whole = observed.whole else { return observed.whole }
        let (counts, levels) = (histogram.counts, scheme.codes.count)
        let used = counts.indices.filter { counts[$0] > 0 }
        guard let first = used.first, let last = used.last, last - first + 1 > levels else { return whole }
        // Zero stays inside; first the upper end comes nearer, then the lower.
        let zero = min(max(Int((0 - histogram.origin) / histogram.width), first), last)
        func best(_ candidates: [(low: Int, high: Int)]) -> (low: Int, high: Int) {
            var best = (divergence: Double.infinity, low: first, high: last)
            for (low, high) in candidates where high - low + 1 >= levels {
                let divergence = Self.divergence(counts, low...high, levels: levels)
                if divergence <= best.divergence { best = (divergence, low, high) }
            }
            return (best.low, best.high)
        }
        let parts = (1...Self.tries).map { Double($0) / Double(Self.tries) }
        let upper = best(parts.map { (first, zero + Int((Double(last - zero) * $0).rounded())) }).high
        let range = best(parts.map { (zero - Int((Double(zero - first) * $0).rounded()), upper) })
        return max(histogram.edge(range.low), whole.lowerBound)...min(histogram.edge(range.high + 1), whole.upperBound)
    }

    /// Of the counts inside `bins`, those outside added to its ends, from what `levels` codes leave of them.
    private static func divergence(_ counts: [Int], _ bins: ClosedRange<Int>, levels: Int) -> Double {
        let inside = counts[bins].map(Double.init)
        var wanted = inside
        wanted[0] += Double(counts[..<bins.lowerBound].reduce(0, +))
        wanted[wanted.count - 1] += Double(counts[(bins.upperBound + 1)...].reduce(0, +))
        var given = [Double](repeating: 0, count: inside.count)
        for level in 0..<levels {
            let part = (level * inside.count / levels)..<((level + 1) * inside.count / levels)
            let filled = part.filter { inside[$0] > 0 }
            guard !filled.isEmpty else { continue }
            let share = filled.reduce(0) { $0 + inside[$1] } / Double(filled.count)
            for index in filled { given[index] = share }
        }
        let (all, left) = (wanted.reduce(0, +), given.reduce(0, +))
        guard all > 0, left > 0 else { return .infinity }
        // What has no code at all counts as if it were a thousandth of a value.
        let missing = 1e-3 / all
        return zip(wanted, given).reduce(0) { sum, pair in
            pair.0 == 0 ? sum : sum + pair.0 / all * log(pair.0 / all / max(pair.1 / left, missing))
        }
    }
}
