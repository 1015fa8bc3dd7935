import WinnowKernels
import WinnowTensor

/// Torch's HistogramObserver: the ends come nearer by quantiles of 10⁻⁵, whichever leaves out more bins, until the L2 norm of what
/// rounding moves, each bin filled evenly, would grow (caffe2's NonlinearQuantizationParamsSearch).
package struct HistogramRange: RangeRule {
    package static let name = "histogram"
    package static let needs: ObservedRange.Histograms = .rebinned

    package init(percentile: Double) {}

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? {
        guard let histogram = observed.rebinned, !histogram.counts.isEmpty, (histogram.high - histogram.low).isFinite else {
            return observed.whole
        }
        let bins = histogram.counts.count
        let kept = Self.kept(histogram, levels: 1 << scheme.elementType.bitWidth)
        let width = (histogram.high - histogram.low) / Float(bins)
        let low = histogram.low + width * Float(kept.lowerBound)
        return low...max(low, histogram.low + width * Float(kept.upperBound + 1))
    }

    private static func kept(_ histogram: RebinnedHistogram, levels: Int) -> ClosedRange<Int> {
        let width = (Double(histogram.high) - Double(histogram.low)) / Double(histogram.counts.count)
        var sum = 0.0
        let sums = histogram.counts.map { count -> Float in
            sum += Double(count)
            return Float(sum)
        }
        var (alpha, beta, kept, least) = (0.0, 1.0, 0...(histogram.counts.count - 1), Double.infinity)
        while alpha < beta {
            let (nextAlpha, nextBeta) = (alpha + 1e-5, beta - 1e-5)
            var (first, last) = (kept.lowerBound, kept.upperBound)
            while first < kept.upperBound, sums[first] < Float(nextAlpha * sum) { first += 1 }
            while last > kept.lowerBound, sums[last] > Float(nextBeta * sum) { last -= 1 }
            var next = kept
            if first - kept.lowerBound > kept.upperBound - last {
                (next, alpha) = (first...kept.upperBound, nextAlpha)
            } else {
                (next, beta) = (kept.lowerBound...last, nextBeta)
            }
            if next == kept { continue }
            let norm = EqualBins.squaredNorm(histogram.counts, width: width, kept: next, levels: levels)
            if norm > least { break }
            (least, kept) = (norm, next)
        }
        return kept
    }
}
