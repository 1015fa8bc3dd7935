/// From the smallest to the largest value seen.
package struct MinMaxRange: RangeRule {
    package static let name = "min-max"
    package static let needs: ObservedRange.Histograms = []

    package init(percentile: Double) {}

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? { observed.whole }
}
