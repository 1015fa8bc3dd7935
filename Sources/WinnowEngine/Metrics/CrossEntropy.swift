import Foundation
import WinnowGraph

/// The mean of −log p(label) over samples, or places with labels, in nats, from scores, probabilities or their logarithms; infinite where one
/// is no number.
package struct CrossEntropy: Metric {
    package static let name = "cross-entropy"
    package static let judgesClasses = true
    package static let isHigherBetter = false
    package static let isPart: Bool? = false
    private var sum = 0.0
    private var count = 0

    package init() {}

    package static func objection(to place: MetricPlace) -> String? { place.objectionToLabels }

    package mutating func add(_ batch: MetricBatch) throws {
        for (sample, label) in try batch.checkedLabels() {
            let loss = batch.form.loss(batch.values(of: sample), label: label)
            sum += loss.isNaN ? .infinity : loss
        }
        count += batch.sampleCount
    }

    package var value: Double { sum / Double(max(1, count)) }
}

extension ClassScores.Form {
    fileprivate func loss(_ scores: ArraySlice<Double>, label: Int) -> Double {
        let own = scores[scores.startIndex + label]
        switch self {
        case .probabilities: return log(max(scores.reduce(0, +), 1e-30)) - log(max(own, 1e-30))
        case .logProbabilities: return -own
        case .logits:
            let top = scores.max() ?? 0
            return top + log(scores.reduce(0) { $0 + exp($1 - top) }) - own
        }
    }
}
