import Foundation

/// Sums over pairs of numbers that distances are made of; equal infinities differ by nothing.
package struct PairSums: Sendable {
    /// Whether NaN beside NaN differs by nothing too: what was lost before is not lost between the two.
    private let forgivesNaN: Bool
    package private(set) var squares = (a: 0.0, b: 0.0)
    package private(set) var product = 0.0
    package private(set) var noise = 0.0
    package private(set) var largest = 0.0

    package init(forgivesNaN: Bool = true) { self.forgivesNaN = forgivesNaN }

    /// Adds `b`, compared with what it should be.
    package mutating func add(_ b: [Double], from a: [Double]) {
        for (x, y) in zip(a, b) {
            if x == y || (forgivesNaN && x.isNaN && y.isNaN) {
                guard x.isFinite else { continue }
                (squares.a, squares.b, product) = (squares.a + x * x, squares.b + y * y, product + x * y)
                continue
            }
            let difference = (x - y).isNaN ? .infinity : (x - y).magnitude
            (squares.a, squares.b, product) = (squares.a + x * x, squares.b + y * y, product + x * y)
            noise += difference * difference
            largest = max(largest, difference)
        }
    }

    /// The cosine of the angle between both.
    package var cosine: Double {
        guard squares.a > 0 && squares.b > 0 else { return squares.a == squares.b ? 1 : 0 }
        let cosine = product / (squares.a * squares.b).squareRoot()
        return cosine.isNaN ? 0 : cosine
    }

    /// 10·log₁₀(Σa² / Σ(a−b)²) in dB; ∞ where both are equal, −∞ where an element is infinitely far off or no number.
    package var decibels: Double {
        guard noise > 0 else { return .infinity }
        return noise.isFinite ? 10 * log10(squares.a / noise) : -.infinity
    }

    /// √(Σ(a−b)² / Σa²); infinite where only a is zero, and where an element is infinitely far off or no number.
    package var relativeError: Double {
        guard noise > 0 else { return 0 }
        return noise.isFinite ? (noise / squares.a).squareRoot() : .infinity
    }
}

/// A metric that follows from sums over an output's numbers and the original's.
package protocol Distance: Metric {
    var sums: PairSums { get set }
}

extension Distance {
    package static func objection(to place: MetricPlace) -> String? { place.objectionToAgreement }

    package mutating func add(_ batch: MetricBatch) { batch.original.map { sums.add(batch.values, from: $0) } }
}
