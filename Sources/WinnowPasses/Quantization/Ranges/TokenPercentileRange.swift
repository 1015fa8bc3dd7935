/// Cuts off what the tokens with the largest, and those with the smallest numbers, have beyond the others: the percentile is one of tokens, not
/// of numbers (Wei et al. 2022, "Outlier Suppression", section 4.2, the coarse step of token-wise clipping).
package struct TokenPercentileRange: RangeRule {
    package static let name = "token-percentile"
    package static let needs: ObservedRange.Histograms = []
    package static let needsTokens = true
    private let percentile: Double

    package init(percentile: Double) { self.percentile = percentile }

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? {
        observed.tokens?.range(percentile: percentile) ?? observed.whole
    }
}
