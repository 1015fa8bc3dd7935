/// Cuts the rarest values off, as many at both ends.
package struct PercentileRange: RangeRule {
    package static let name = "percentile"
    package static let needs: ObservedRange.Histograms = .growing
    private let percentile: Double

    package init(percentile: Double) { self.percentile = percentile }

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? {
        guard let histogram = observed.histogram, observed.whole != nil else { return observed.whole }
        let cut = (1 - percentile / 100) / 2
        let (first, last) = (histogram.bin(below: cut, fromEnd: false), histogram.bin(below: cut, fromEnd: true))
        return histogram.edge(first)...histogram.edge(max(first, last) + 1)
    }
}
