/// What a model loses as one part of it alone is changed more and more.
public struct SensitivityCurve: Hashable, Sendable {
    /// What one strength loses.
    public struct Point: Hashable, Sendable {
        /// How much is changed: the fraction that is pruned, the bits that are left.
        public var strength: Double
        /// The part of the score that is gone: (before − after) / |before|; negative where the score rose.
        public var loss: Double

        public init(strength: Double, loss: Double) {
            self.strength = strength
            self.loss = loss
        }
    }

    /// By strength, rising.
    public let points: [Point]

    /// From points in any order.
    public init(_ points: [Point]) { self.points = points.sorted { $0.strength < $1.strength } }

    /// The largest strength that loses at most `bound`, linear between the last measured one that does and the next; nil where none
    /// does (PaddleSlim's `get_ratios_by_loss`).
    public func strength(losing bound: Double) -> Double? {
        guard let place = points.lastIndex(where: { $0.loss <= bound }) else { return nil }
        let here = points[place]
        guard place + 1 < points.count else { return here.strength }
        let next = points[place + 1]
        return here.strength + (bound - here.loss) * (next.strength - here.strength) / (next.loss - here.loss)
    }

    /// The least bound whose `strength(losing:)` is at least `strength`; infinite beyond what was measured.
    func bound(reaching strength: Double) -> Double {
        guard let place = points.firstIndex(where: { $0.strength >= strength - 1e-9 }) else { return .infinity }
        let beyond = points[place...].map(\.loss).min() ?? .infinity
        guard place > 0 else { return beyond }
        let (here, next) = (points[place - 1], points[place])
        guard next.loss > here.loss else { return beyond }
        return min(beyond, here.loss + (strength - here.strength) * (next.loss - here.loss) / (next.strength - here.strength))
    }
}
