/// Cuts the rarest values off, as many at both ends.
package struct PercentileRange: RangeRule {
    package static let name = "percentile"
    package static let needs: ObservedRange.Histograms = .growing
    private let percentile: Double

    package init(percentile: Double) { self.percentile = percentile }

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? {
        guard let histogram = observed.histogram, observed.whole != nil else { return observed.whole }
        let counts = histogram.counts
        let cut = Double(counts.reduce(0, +)) * (1 - percentile / 100) / 2
        func bin(_ indices: some Sequence<Int>) -> Int {
            var seen = 0
            for index in indices {
                seen += counts[index]
                if Double(seen) > cut { return index }
            }
            return 0
        }
        let first = bin(counts.indices)
        let last = bin(counts.indices.reversed())
        return histogram.edge(first)...histogram.edge(max(first, last) + 1)
    }
}
