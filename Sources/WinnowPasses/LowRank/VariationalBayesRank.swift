import Foundation
package import WinnowKernels

/// The rank of what stands out of noise: the analytic solution of empirical variational Bayesian matrix factorization, the noise
/// estimated too (Nakajima et al. 2013, "Global analytic solution of fully-observed variational Bayesian matrix factorization").
///
/// Of an L×M matrix, L ≤ M, α = L/M, those σ count that exceed √(M·s²·(1 + τ̄)(1 + α/τ̄)), τ̄ = 2.5129·√α; the noise s² is
/// where the free energy is least between its bounds.
package enum VariationalBayesRank: RankRule {
    package static let name = "evbmf"

    package static func rank(of spectrum: Spectrum, energy: Double) -> Int { rank(of: spectrum) }

    package static func rank(of spectrum: Spectrum) -> Int {
        let model = FreeEnergy(spectrum)
        guard let noise = model.noise else { return 0 }
        return spectrum.squares.count { $0 > model.columns * noise * model.limit }
    }

    /// The free energy as a function of the noise's variance.
    private struct FreeEnergy {
        let squares: [Double]
        let (rows, columns): (Double, Double)
        /// x̄ = (1 + τ̄)(1 + α/τ̄): σ² / (M·s²) of components that count.
        let limit: Double
        private let alpha: Double

        init(_ spectrum: Spectrum) {
            // Rounding leaves numbers in the place of zeros.
            let least = (spectrum.squares.first ?? 0) * 1e-14
            squares = spectrum.squares.map { max($0, least) }
            (rows, columns) = (
                Double(min(spectrum.rows, spectrum.columns)), Double(max(spectrum.rows, spectrum.columns))
            )
            alpha = rows / max(1, columns)
            let tau = 2.5129 * alpha.squareRoot()
            limit = (1 + tau) * (1 + alpha / tau)
        }

        func callAsFunction(_ noise: Double) -> Double {
            squares.reduce(0) { sum, square in
                let x = square / (columns * noise)
                guard x > limit else { return sum + x - log(x) }
                let excess = x - (1 + alpha)
                let tau = 0.5 * (excess + max(0, excess * excess - 4 * alpha).squareRoot())
                return sum + x - tau + log((tau + 1) / x) + alpha * log(tau / alpha + 1)
            }
        }

        /// Where it is least: on a grid of logarithms, then by golden sections around the best of it.
        var noise: Double? {
            guard squares.count > 1, let largest = squares.first, largest > 0 else { return nil }
            let start = min(Int((rows / (1 + alpha)).rounded(.up)) - 1, squares.count - 1)
            let tail = squares[max(1, start)...]
            let upper = squares.reduce(0, +) / (rows * columns)
            let lower = max((tail.first ?? 0) / (columns * limit), tail.reduce(0, +) / Double(tail.count) / columns)
            guard lower < upper else { return lower }
            let count = 256
            let step = log(upper / lower) / Double(count)
            let best =
                (0...count).min { self(lower * exp(step * Double($0))) < self(lower * exp(step * Double($1))) } ?? 0
            var (low, high) = (
                log(lower) + step * Double(max(0, best - 1)), log(lower) + step * Double(min(count, best + 1))
            )
            let ratio = (5.0.squareRoot() - 1) / 2
            while high - low > 1e-10 {
                let (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
                if self(exp(left)) < self(exp(right)) { high = right } else { low = left }
            }
            return exp((low + high) / 2)
        }
    }
}
