internal import Foundation
internal import WinnowTensor

/// W ≈ Σ_r a_r ∘ b_r ∘ c_r ∘ … of a tensor of outputs × inputs × taps along each spatial axis (CP), by alternating least squares:
/// no sweep raises the error (Carroll and Chang 1970; Kolda and Bader 2009, section 3.4).
package struct CanonicalFactors: Sendable {
    /// Extent × rank, for every axis.
    package private(set) var factors: [Matrix<Float>]
    /// ‖W − Ŵ‖² after each sweep.
    package private(set) var errors: [Double] = []

    private let weight: Matrix<Float>
    private var rank: Int { factors[0].columns }
    private static let sweepLimit = 200
    /// Of ‖W‖², below which a sweep's gain ends the iteration.
    private static let tolerance = 1e-6
    /// Added to the diagonal of the normal equations, of its mean.
    private static let damping = 1e-9

    /// - Parameters:
    ///   - weight: outputs × (inputs · taps).
    ///   - taps: along each spatial axis.
    ///   - starts: leading columns of the factors of outputs and inputs; what is missing is drawn.
    package init(_ weight: Matrix<Float>, taps: [Int], rank: Int, starts: [Matrix<Float>], seed: UInt64 = 0) throws {
        self.weight = weight
        var random = RandomGenerator(seed: seed, stream: 0xC9)
        let extents = [weight.rows, weight.columns / max(1, taps.reduce(1, *))] + taps
        factors = extents.enumerated().map { axis, extent in
            var factor = Matrix<Float>(zeros: extent, rank)
            let start = axis < starts.count ? starts[axis] : Matrix(zeros: extent, 0)
            for row in 0..<extent {
                for column in 0..<rank {
                    factor[row, column] = column < start.columns ? start[row, column] : random.normal()
                }
            }
            return factor
        }
        let total = weight.squareSum
        while errors.count < Self.sweepLimit {
            let former = factors
            let error = try sweep(total)
            if let last = errors.last, error >= last { factors = former; break }
            errors.append(error)
            if errors.count > 1, errors[errors.count - 2] - error <= Self.tolerance * total { break }
        }
        balance()
    }

    /// Solves for each factor in turn; the error left.
    private mutating func sweep(_ total: Double) throws -> Double {
        let window = khatriRao(Array(2..<factors.count))
        var grams = factors.map { $0.gram }
        try solve(0, weight * expanded(factors[1], by: window), &grams)
        // What is left of the weight once outputs are summed over: rank × (inputs · taps).
        let inner = factors[0].transposed * weight
        try solve(1, contracted(inner, window), &grams)
        let product = sums(inner)
        for axis in 2..<factors.count {
            try solve(axis, tapSums(product, axis), &grams)
        }
        let last = factors.count - 1
        let fit = last >= 2 ? tapSums(product, last) : contracted(inner, window)
        var (crossed, own) = (0.0, 0.0)
        for index in fit.elements.indices {
            crossed += Double(fit.elements[index]) * Double(factors[last].elements[index])
        }
        for index in grams[0].elements.indices { own += grams.reduce(1) { $0 * $1.elements[index] } }
        return max(0, total - 2 * crossed + own)
    }

    /// factor = products · (⊛ grams of the others)⁻¹; all but the last factor are then scaled to columns of length 1.
    private mutating func solve(_ axis: Int, _ products: Matrix<Float>, _ grams: inout [Matrix<Double>]) throws {
        var normal = Matrix<Double>(zeros: rank, rank)
        for index in normal.elements.indices {
            normal.elements[index] = grams.indices.reduce(1) { $1 == axis ? $0 : $0 * grams[$1].elements[index] }
        }
        let mean = (0..<rank).reduce(0) { $0 + normal[$1, $1] } / Double(max(1, rank))
        let right = Matrix(products.elements.map(Double.init), rows: products.rows, columns: rank).transposed
        var damping = Self.damping
        while true {
            var damped = normal
            for index in 0..<rank { damped[index, index] += mean > 0 ? damping * mean : 1 }
            guard let solution = try? CholeskyFactor(damped).solve(right) else {
                damping *= 100
                if damping > 1 {
                    throw WinnowError(.numeric, "alternating least squares", "the normal equations are singular")
                }
                continue
            }
            factors[axis] = Matrix(solution.transposed.elements.map { Float($0) }, rows: products.rows, columns: rank)
            break
        }
        if axis < factors.count - 1 { scaleColumns(axis) { $0 > 0 ? 1 / $0 : 1 } }
        grams[axis] = factors[axis].gram
    }

    private mutating func scaleColumns(_ axis: Int, by factor: (Float) -> Float) {
        for column in 0..<rank {
            let scale = factor(
                Float((0..<factors[axis].rows).reduce(0) { $0 + factors[axis][$1, column] * factors[axis][$1, column] })
                    .squareRoot())
            for row in 0..<factors[axis].rows { factors[axis][row, column] *= scale }
        }
    }

    /// Gives every factor the same share of each component's size.
    private mutating func balance() {
        for column in 0..<rank {
            let lengths = factors.map { factor in
                (0..<factor.rows).reduce(0.0) { $0 + Double(factor[$1, column]) * Double(factor[$1, column]) }
                    .squareRoot()
            }
            let size = lengths.reduce(1) { $0 * pow($1, 1 / Double(lengths.count)) }
            for axis in factors.indices where lengths[axis] > 0 {
                for row in 0..<factors[axis].rows { factors[axis][row, column] *= Float(size / lengths[axis]) }
            }
        }
    }

    /// Products of the rows of some factors, the last axis fastest: Π extents × rank.
    private func khatriRao(_ axes: [Int]) -> Matrix<Float> {
        axes.reduce(Matrix(Array(repeating: 1, count: rank), rows: 1, columns: rank)) { expanded($0, by: factors[$1]) }
    }

    private func expanded(_ outer: Matrix<Float>, by inner: Matrix<Float>) -> Matrix<Float> {
        var result = Matrix<Float>(zeros: outer.rows * inner.rows, rank)
        result.elements.withUnsafeMutableBufferPointer { target in
            for first in 0..<outer.rows {
                for second in 0..<inner.rows {
                    let place = (first * inner.rows + second) * rank
                    for column in 0..<rank { target[place + column] = outer[first, column] * inner[second, column] }
                }
            }
        }
        return result
    }

    /// Σ over taps of rank × (inputs · taps) by the window's factors: inputs × rank.
    private func contracted(_ inner: Matrix<Float>, _ window: Matrix<Float>) -> Matrix<Float> {
        var result = Matrix<Float>(zeros: inner.columns / window.rows, rank)
        for column in 0..<rank {
            for input in 0..<result.rows {
                var sum: Float = 0
                for tap in 0..<window.rows { sum += inner[column, input * window.rows + tap] * window[tap, column] }
                result[input, column] = sum
            }
        }
        return result
    }

    /// Σ over inputs of rank × (inputs · taps) by their factor: taps × rank.
    private func sums(_ inner: Matrix<Float>) -> Matrix<Float> {
        let taps = inner.columns / max(1, factors[1].rows)
        var result = Matrix<Float>(zeros: taps, rank)
        for column in 0..<rank {
            for input in 0..<factors[1].rows {
                let factor = factors[1][input, column]
                for tap in 0..<taps { result[tap, column] += inner[column, input * taps + tap] * factor }
            }
        }
        return result
    }

    /// Σ over the taps of the other spatial axes: extent × rank.
    private func tapSums(_ products: Matrix<Float>, _ axis: Int) -> Matrix<Float> {
        var result = Matrix<Float>(zeros: factors[axis].rows, rank)
        let inner = factors.dropFirst(axis + 1).reduce(1) { $0 * $1.rows }
        let outer = khatriRao(Array(2..<axis))
        let rest = khatriRao(Array((axis + 1)..<factors.count))
        for place in 0..<products.rows {
            let (before, own, behind) = (
                place / (inner * factors[axis].rows), place / inner % factors[axis].rows, place % inner
            )
            for column in 0..<rank {
                result[own, column] += products[place, column] * outer[before, column] * rest[behind, column]
            }
        }
        return result
    }
}

extension Matrix<Float> {
    /// AᵀA in float64.
    fileprivate var gram: Matrix<Double> {
        let wide = Matrix<Double>(elements.map(Double.init), rows: rows, columns: columns)
        return wide.transposed * wide
    }
}
