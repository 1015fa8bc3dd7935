import Foundation

/// How sparsity rises from round to round.
public enum SparsityRise: String, HyperparameterChoice, Codable {
    /// Every round removes the same part of what is left.
    case geometric
    /// Fast first, then ever slower: s = t + (s₀ − t)·(1 − i/n)³ (Zhu and Gupta 2017, equation 1).
    case cubic
    /// Equal steps.
    case linear
    /// The way left to the target shrinks by the same factor every round: s = s₀ + (t − s₀)·(1 − e^(−5i/n))/(1 − e^(−5)).
    case exponential

    /// The sparsity after round `round` of `count`, from 1.
    package func sparsity(round: Int, of count: Int, from start: Double, to target: Double) -> Double {
        let fraction = Double(round) / Double(max(1, count))
        switch self {
        case .linear: return start + (target - start) * fraction
        case .cubic: return target + (start - target) * pow(1 - fraction, 3)
        case .exponential: return start + (target - start) * (1 - exp(-5 * fraction)) / (1 - exp(-5))
        case .geometric:
            let left = pow(max(1e-9, 1 - target) / max(1e-9, 1 - start), fraction)
            return 1 - (1 - start) * left
        }
    }
}
