package import WinnowGraph

/// One candidate for the model to ship, with what was measured of it as of every other.
package struct Trial: Sendable {
    package let graph: Graph
    package let quality: Quality

    /// Its score as choices compare it: −∞, the worst, where it gives what is no number for more samples than another does.
    package func score(beside other: Trial) -> Double {
        quality.brokenSampleCount > other.quality.brokenSampleCount || quality.score.isNaN ? -.infinity : quality.score
    }

    /// How many points of a hundred its score is below another's.
    package func drop(from other: Trial) -> Double { (other.quality.score - score(beside: other)) * 100 }

    /// Whether it lost no more than so many points.
    package func isWithin(_ points: Double, of other: Trial) -> Bool { drop(from: other) <= points + 1e-9 }
}
