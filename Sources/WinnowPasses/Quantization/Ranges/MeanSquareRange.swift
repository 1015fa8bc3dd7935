/// The range whose codes move the values least in the mean square: what is lost beyond its ends against finer steps inside (the
/// least L2 norm of what rounding moves).
package struct MeanSquareRange: RangeRule {
    package static let name = "mse"
    package static let needs: ObservedRange.Histograms = .growing
    /// Ends that are tried, between 0 and the outermost value.
    private static let tries = 64

    package init(percentile: Double) {}

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? {
        guard let histogram = observed.histogram, let whole = observed.whole else { return observed.whole }
        let (low, high) = (min(whole.lowerBound, 0), max(whole.upperBound, 0))
        var best = (error: histogram.squaredError(of: scheme.parameters(for: whole)), low: Float(1), high: Float(1))
        func attempt(_ lowPart: Float, _ highPart: Float) {
            let error = histogram.squaredError(of: scheme.parameters(for: low * lowPart...high * highPart))
            if error < best.error { best = (error, lowPart, highPart) }
        }
        let parts = (1..<Self.tries).reversed().map { Float($0) / Float(Self.tries) }
        if scheme.isSymmetric || low == 0 || high == 0 {
            for part in parts { attempt(part, part) }
        } else {
            // The further end first; each end once more when the other has moved.
            for turn in 0..<4 {
                let movesHigh = (turn % 2 == 0) == (high > -low)
                let other = movesHigh ? best.low : best.high
                for part in parts { attempt(movesHigh ? other : part, movesHigh ? part : other) }
            }
        }
        guard best.low < 1 || best.high < 1 else { return whole }
        return low * best.low...high * best.high
    }
}
