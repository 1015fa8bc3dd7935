import Foundation
import WinnowGraph
import WinnowTensor

/// The complex exponentials of a discrete Fourier transform as a real matrix.
struct FourierBasis {
    /// The period.
    var length: Int
    /// How many frequencies, from 0 up.
    var frequencyCount: Int
    var isInverse = false

    /// What part `from` (0 real, 1 imaginary) of sample `n` adds to part `to` of frequency `k`.
    func factor(_ n: Int, _ from: Int, _ k: Int, _ to: Int) -> Double {
        let angle = 2 * Double.pi * Double(n * k % length) / Double(length)
        let sine = isInverse ? -sin(angle) : sin(angle)
        let value = from == to ? cos(angle) : from == 1 ? sine : -sine
        return isInverse ? value / Double(length) : value
    }

    /// (samples · parts, frequencies · 2)
    func matrix(samples: Int, parts: Int, _ b: GraphBuilder) throws -> ValueName {
        let width = frequencyCount * 2
        return try b.table("exponentials", [samples * parts, width], as: .float32) { index in
            let (row, column) = index.quotientAndRemainder(dividingBy: width)
            return factor(row / parts, row % parts, column / 2, column % 2)
        }
    }

    /// (frequencies · parts, samples): back from half a spectrum to a real signal; all but the first and the middle
    /// frequency count twice.
    func realMatrix(frequencies: Int, parts: Int, _ b: GraphBuilder) throws -> ValueName {
        try b.table("exponentials", [frequencies * parts, length], as: .float32) { index in
            let (row, sample) = index.quotientAndRemainder(dividingBy: length)
            let k = row / parts
            return (k == 0 || 2 * k == length ? 1 : 2) * factor(sample, row % parts, k, 0)
        }
    }

    /// (frequencies · 2, parts, samples): filters of a convolution over time.
    func filters(samples: Int, parts: Int, _ b: GraphBuilder) throws -> ValueName {
        try b.table("exponentials", [frequencyCount * 2, parts, samples], as: .float32) { index in
            let (row, column) = index.quotientAndRemainder(dividingBy: parts * samples)
            return factor(column % samples, column / samples, row / 2, row % 2)
        }
    }
}
