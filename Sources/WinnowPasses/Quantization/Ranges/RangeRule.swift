/// How the range of an activation follows from what was seen of it.
package protocol RangeRule: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// What it must know of how often values come, beside the smallest and the largest.
    static var needs: ObservedRange.Histograms { get }

    /// Whether it must know the smallest and largest numbers of tokens.
    static var needsTokens: Bool { get }

    /// - Parameter percentile: the part of the values that a rule keeps, in percent, where it asks.
    init(percentile: Double)

    /// The range for codes of a scheme; nil where nothing was seen.
    func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>?
}

extension RangeRule {
    package static var needsTokens: Bool { false }
}
