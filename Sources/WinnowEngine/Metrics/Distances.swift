import Foundation
package import WinnowTensor

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
        let count = min(a.count, b.count)
        let length = 1 << 10
        for start in stride(from: 0, to: count, by: length) {
            let piece = start..<min(start + length, count)
            if addFinite(b, from: a, piece) { continue }
            for index in piece { add(b[index], from: a[index]) }
        }
    }

    /// Whether all of a piece are numbers whose differences are; they are added then.
    private mutating func addFinite(_ b: [Double], from a: [Double], _ piece: Range<Int>) -> Bool {
        typealias Lanes = SIMD4<Double>
        var (own, other, both, noises, farthest) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
        let whole = piece.count / 4 * 4
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                for index in stride(from: piece.lowerBound, to: piece.lowerBound + whole, by: 4) {
                    let x = a.loadUnaligned(fromByteOffset: index * 8, as: Lanes.self)
                    let y = b.loadUnaligned(fromByteOffset: index * 8, as: Lanes.self)
                    let difference = x - y
                    own += x * x
                    other += y * y
                    both += x * y
                    noises += difference * difference
                    let distance = difference.replacing(with: -difference, where: difference .< 0)
                    farthest.replace(with: distance, where: distance .> farthest)
                }
            }
        }
        guard noises.sum().isFinite else { return false }
        squares.a += own.sum()
        squares.b += other.sum()
        product += both.sum()
        noise += noises.sum()
        largest = max(largest, farthest.max())
        for index in (piece.lowerBound + whole)..<piece.upperBound { add(b[index], from: a[index]) }
        return true
    }

    /// Adds a tensor, compared with what it should be, some elements at a time.
    package mutating func add(_ b: Tensor, from a: Tensor) {
        for piece in a.pieces { add(b.doubles(in: piece.clamped(to: 0..<b.elementCount)), from: a.doubles(in: piece)) }
    }

    private mutating func add(_ y: Double, from x: Double) {
        if x == y || (forgivesNaN && x.isNaN && y.isNaN) {
            guard x.isFinite else { return }
            (squares.a, squares.b, product) = (squares.a + x * x, squares.b + y * y, product + x * y)
            return
        }
        let difference = (x - y).isNaN ? .infinity : (x - y).magnitude
        (squares.a, squares.b, product) = (squares.a + x * x, squares.b + y * y, product + x * y)
        noise += difference * difference
        largest = max(largest, difference)
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
