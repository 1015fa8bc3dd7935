import CWinnowKernels
import Foundation
package import WinnowTensor

/// T²·KL(softmax(teacher / T) ‖ softmax(student / T)) over the last axis, summed and divided by the first axis' extent,
/// and its derivative by the student's scores (Hinton et al. 2015, section 2.1).
package struct DivergenceKernel: Sendable {
    private let rows: Int
    private let classes: Int
    private let samples: Int
    private let temperature: Float

    package init(_ shape: Shape, temperature: Float) throws {
        guard let classes = shape.last, shape.rank >= 2, temperature > 0 else {
            throw WinnowError(
                .shape, "divergence", "needs scores with a class axis and a positive temperature, not \(shape) and \(temperature)")
        }
        self.classes = classes
        samples = max(shape[0], 1)
        rows = classes == 0 ? 0 : shape.elementCount / classes
        self.temperature = temperature
    }

    /// Bytes of scratch memory that `run` needs.
    package var scratchByteCount: Int { rows * MemoryLayout<Double>.stride }

    /// The largest score and log Σ exp((x − largest) / T).
    @inline(__always)
    private func normalizer(_ x: UnsafePointer<Float>) -> (largest: Float, logSum: Float) {
        var largest = -Float.infinity
        for c in 0..<classes { largest = max(largest, x[c]) }
        var sum: Float = 0
        for c in 0..<classes { sum += winnow_exponential((x[c] - largest) / temperature) }
        return (largest, winnow_logarithm(sum))
    }

    private func exactNormalizer(_ x: UnsafePointer<Float>) -> (largest: Double, logSum: Double) {
        var largest = -Float.infinity
        for c in 0..<classes { largest = max(largest, x[c]) }
        var sum = 0.0
        for c in 0..<classes { sum += exp(Double(x[c] - largest) / Double(temperature)) }
        return (Double(largest), log(sum))
    }

    /// `loss` gets one number.
    package func run(
        student: UnsafePointer<Float>, teacher: UnsafePointer<Float>, loss: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutableRawPointer
    ) {
        let losses = scratch.assumingMemoryBound(to: Double.self)
        Parallel.forEach(rows, minimum: max(1, 4_096 / max(classes, 1))) { row in
            let (s, t) = (student + row * classes, teacher + row * classes)
            // High temperatures leave small differences of probabilities that are nearly alike: T² times as large in the loss.
            let (own, wanted) = (exactNormalizer(s), exactNormalizer(t))
            var total = 0.0
            for c in 0..<classes {
                let logWanted = (Double(t[c]) - wanted.largest) / Double(temperature) - wanted.logSum
                let logOwn = (Double(s[c]) - own.largest) / Double(temperature) - own.logSum
                total += exp(logWanted) * (logWanted - logOwn)
            }
            losses[row] = max(total, 0)
        }
        var result = 0.0
        for row in 0..<rows { result += losses[row] }
        loss[0] = Float(result * Double(temperature * temperature) / Double(samples))
    }

    /// (p_student − p_teacher) · T / N · dloss.
    package func runGradient(
        _ lossGradient: UnsafePointer<Float>, student: UnsafePointer<Float>, teacher: UnsafePointer<Float>,
        to target: UnsafeMutablePointer<Float>
    ) {
        let factor = lossGradient[0] * temperature / Float(samples)
        Parallel.forEach(rows, minimum: max(1, 4_096 / max(classes, 1))) { row in
            let (s, t, y) = (student + row * classes, teacher + row * classes, target + row * classes)
            let (own, wanted) = (normalizer(s), normalizer(t))
            for c in 0..<classes {
                let p = winnow_exponential((s[c] - own.largest) / temperature - own.logSum)
                let q = winnow_exponential((t[c] - wanted.largest) / temperature - wanted.logSum)
                y[c] = factor * (p - q)
            }
        }
    }
}
