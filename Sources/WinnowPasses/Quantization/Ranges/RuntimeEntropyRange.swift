import Foundation
import WinnowKernels

/// The range around 0 with the least Kullback–Leibler divergence as ONNX Runtime's calibration has it: of whole bins merged into
/// 128, zeros smoothed by 10⁻⁴, no wider than what was seen. Its bins are so wide that it seldom cuts anything.
package struct RuntimeEntropyRange: RangeRule {
    package static let name = "entropy-onnxruntime"
    package static let needs: ObservedRange.Histograms = .symmetric
    private static let levels = 128

    package init(percentile: Double) {}

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? {
        guard let histogram = observed.symmetric, let whole = observed.whole, histogram.limit > 0, (2 * histogram.limit).isFinite
        else { return observed.whole }
        let (counts, middle) = (histogram.counts, histogram.counts.count / 2)
        func around(_ half: Int) -> Range<Int> { max(0, middle - half)..<min(middle + half + 1, counts.count) }
        let least = Self.levels / 2
        var best = (divergence: Double.infinity, bins: around(least))
        for half in least...max(least, middle) {
            let bins = around(half)
            let divergence = Self.divergence(counts, bins)
            if divergence < best.divergence { best = (divergence, bins) }
        }
        let edges = EqualBins.edges(from: -histogram.limit, to: histogram.limit, bins: counts.count)
        let low = max(edges[best.bins.lowerBound], whole.lowerBound)
        return low...max(low, min(edges[best.bins.upperBound], whole.upperBound))
    }

    private static func divergence(_ counts: [Int], _ bins: Range<Int>) -> Double {
        let inside = Array(counts[bins])
        var wanted = inside
        wanted[0] += counts[..<bins.lowerBound].reduce(0, +)
        wanted[wanted.count - 1] += counts[bins.upperBound...].reduce(0, +)
        var given = [Int](repeating: 0, count: inside.count)
        let width = inside.count / levels
        for level in 0..<levels {
            let part = (level * width)..<((level + 1) * width)
            let filled = part.reduce(0) { $0 + (wanted[$1] != 0 ? 1 : 0) }
            guard filled > 0 else { continue }
            let sum = inside[level == levels - 1 ? part.lowerBound..<inside.count : part].reduce(0, +)
            for index in part { given[index] = sum / filled }
        }
        guard let p = smoothed(wanted), let q = smoothed(given) else { return .infinity }
        let (all, left) = (p.reduce(0, +), q.reduce(0, +))
        return zip(p, q).reduce(0) { $0 + $1.0 / all * log($1.0 / all / ($1.1 / left)) }
    }

    /// 10⁻⁴ for each zero, taken from the others in equal parts; nil where they have too little.
    private static func smoothed(_ counts: [Int]) -> [Double]? {
        let zeros = counts.reduce(0) { $0 + ($1 == 0 ? 1 : 0) }
        guard zeros < counts.count else { return nil }
        let share = 1e-4 * Double(zeros) / Double(counts.count - zeros)
        return share < 1 ? counts.map { $0 == 0 ? 1e-4 : Double($0) - share } : nil
    }
}
