import CWinnowKernels
package import WinnowTensor

/// −w·log p of each sample's class, and its derivative (ONNX's SoftmaxCrossEntropyLoss and NegativeLogLikelihoodLoss).
///
/// Scores are (N, C, d…) row-major, labels int32 or int64 (N, d…).
package struct CrossEntropyKernel: Sendable {
    package enum Reduction: String, Sendable, Hashable, CaseIterable { case mean, sum, none }

    private let rows: Int
    private let classes: Int
    private let inner: Int
    private let reduction: Reduction
    private let ignored: Int?
    private let hasWideLabels: Bool
    /// Whether scores still need the logarithm of softmax.
    private let normalizes: Bool

    package init(
        _ shape: Shape, labels: ElementType, reduction: Reduction, ignored: Int?, normalizes: Bool
    ) throws {
        guard shape.rank >= 2 else { throw WinnowError(.shape, "cross-entropy", "scores of shape \(shape) have no class axis") }
        guard labels == .int64 || labels == .int32 else {
            throw WinnowError(.unsupported, "cross-entropy", "labels are \(labels), not int32 or int64")
        }
        classes = shape[1]
        inner = shape[2...].reduce(1, *)
        rows = shape[0] * inner
        hasWideLabels = labels == .int64
        self.reduction = reduction
        self.ignored = ignored
        self.normalizes = normalizes
    }

    /// Bytes of scratch memory that `run` and `runGradient` need: a weight and a loss for each row.
    package var scratchByteCount: Int { rows * 2 * MemoryLayout<Float>.stride }

    private func label(_ labels: UnsafeRawPointer, _ row: Int) -> Int {
        hasWideLabels
            ? Int(labels.assumingMemoryBound(to: Int64.self)[row]) : Int(labels.assumingMemoryBound(to: Int32.self)[row])
    }

    /// Writes the weight of each row (0 where ignored) and gives their sum. Throws `data` for a label that is no class.
    private func weigh(
        _ labels: UnsafeRawPointer, _ weights: UnsafePointer<Float>?, _ target: UnsafeMutablePointer<Float>
    ) throws -> Double {
        var total = 0.0
        for row in 0..<rows {
            let label = label(labels, row)
            if label == ignored { target[row] = 0; continue }
            guard label >= 0, label < classes else {
                throw WinnowError(.data, "cross-entropy", "label \(label) is none of \(classes) classes")
            }
            target[row] = weights?[label] ?? 1
            total += Double(target[row])
        }
        return total
    }

    /// The offset of the score of class 0.
    @inline(__always)
    private func offset(_ row: Int) -> Int { row / inner * classes * inner + row % inner }

    /// log Σ exp of a row, or 0 for scores that are log-probabilities.
    @inline(__always)
    private func logSum(_ x: UnsafePointer<Float>) -> Float {
        guard normalizes else { return 0 }
        var largest = -Float.infinity
        for c in 0..<classes { largest = max(largest, x[c * inner]) }
        guard largest.isFinite else { return largest }
        var sum: Float = 0
        for c in 0..<classes { sum += winnow_exponential(x[c * inner] - largest) }
        return largest + winnow_logarithm(sum)
    }

    /// `loss` gets one number, or one a row without reduction; `logarithms`, if wanted, the scores' log-softmax.
    package func run(
        _ scores: UnsafePointer<Float>, labels: UnsafeRawPointer, weights: UnsafePointer<Float>?,
        loss: UnsafeMutablePointer<Float>, logarithms: UnsafeMutablePointer<Float>?, scratch: UnsafeMutableRawPointer
    ) throws {
        let rowWeights = scratch.assumingMemoryBound(to: Float.self)
        let losses = reduction == .none ? loss : rowWeights + rows
        let total = try weigh(labels, weights, rowWeights)
        Parallel.forEach(rows, minimum: max(1, 8_192 / max(classes, 1))) { row in
            let start = offset(row)
            let x = scores + start
            let sum = logSum(x)
            if let logarithms { for c in 0..<classes { logarithms[start + c * inner] = x[c * inner] - sum } }
            losses[row] = rowWeights[row] == 0 ? 0 : rowWeights[row] * (sum - x[label(labels, row) * inner])
        }
        if reduction == .none { return }
        var result = 0.0
        for row in 0..<rows { result += Double(losses[row]) }
        // The mean over nothing is 0, as its gradient is.
        loss[0] = Float(reduction == .mean && total != 0 ? result / total : result)
    }

    /// `lossGradient` has the shape of the loss.
    package func runGradient(
        _ lossGradient: UnsafePointer<Float>, _ scores: UnsafePointer<Float>, labels: UnsafeRawPointer,
        weights: UnsafePointer<Float>?, to target: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer
    ) throws {
        let rowWeights = scratch.assumingMemoryBound(to: Float.self)
        let total = try weigh(labels, weights, rowWeights)
        let common = reduction == .mean ? Float(1 / total) : 1
        Parallel.forEach(rows, minimum: max(1, 8_192 / max(classes, 1))) { row in
            let start = offset(row)
            let (x, y) = (scores + start, target + start)
            let factor = rowWeights[row] == 0 ? 0 : rowWeights[row] * common * lossGradient[reduction == .none ? row : 0]
            if normalizes, factor != 0 {
                let sum = logSum(x)
                for c in 0..<classes { y[c * inner] = factor * winnow_exponential(x[c * inner] - sum) }
            } else {
                for c in 0..<classes { y[c * inner] = 0 }
            }
            if factor != 0 { y[label(labels, row) * inner] -= factor }
        }
    }
}
