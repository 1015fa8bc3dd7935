/// From the average of the batches' smallest numbers to that of their largest.
package struct MovingAverageRange: RangeRule {
    package static let name = "moving-average"
    package static let needs: ObservedRange.Histograms = []

    package init(percentile: Double) {}

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? { observed.average }
}
