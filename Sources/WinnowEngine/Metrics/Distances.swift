import Foundation

/// Sums over pairs of numbers that distances are made of; equal infinities, and NaN beside NaN, differ by nothing.
package struct PairSums: Sendable {
    package private(set) var squares = (a: 0.0, b: 0.0)
    package private(set) var product = 0.0
    package private(set) var noise = 0.0
    package private(set) var largest = 0.0

    package init() {}

    /// Adds `b`, compared with what it should be.
    package mutating func add(_ b: [Double], from a: [Double]) {
        for (x, y) in zip(a, b) {
            if x == y || (x.isNaN && y.isNaN) {
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
        squares.a > 0 && squares.b > 0 ? product / (squares.a * squares.b).squareRoot() : (squares.a == squares.b ? 1 : 0)
    }

    /// 10·log₁₀(Σa² / Σ(a−b)²) in dB; infinite where both are equal.
    package var decibels: Double { noise > 0 ? 10 * log10(squares.a / noise) : .infinity }

    /// √(Σ(a−b)² / Σa²); infinite where only a is zero.
    package var relativeError: Double { noise > 0 ? (noise / squares.a).squareRoot() : 0 }
}

/// A metric that follows from sums over an output's numbers and the original's.
package protocol Distance: Metric {
    var sums: PairSums { get set }
}

extension Distance {
    package static func objection(to place: MetricPlace) -> String? { place.objectionToAgreement }

    package mutating func add(_ batch: MetricBatch) { batch.original.map { sums.add(batch.values, from: $0) } }
}
