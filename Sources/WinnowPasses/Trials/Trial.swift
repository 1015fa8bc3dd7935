import WinnowEngine
package import WinnowGraph

/// One candidate for the model to ship, with what was measured of it as of every other.
package struct Trial: Sendable {
    package let graph: Graph
    package let quality: Quality

    /// Its score as choices compare it: −∞, the worst, where it gives what is no number for more samples than another does.
    package func score(beside other: Trial) -> Double {
        quality.brokenSampleCount > other.quality.brokenSampleCount || quality.score.isNaN ? -.infinity : quality.score
    }

    /// How far its score is below another's, on the other's scale.
    package func drop(from other: Trial) -> Double { other.quality.scale.drop(from: other.quality.score, to: score(beside: other)) }

    /// Whether it lost no more than so much.
    package func isWithin(_ drop: Double, of other: Trial) -> Bool { self.drop(from: other) <= drop + 1e-9 }
}
