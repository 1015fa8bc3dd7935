import WinnowTensor

/// The part of the samples whose label has the highest score.
package struct Top1: Metric {
    package static let name = "top-1"
    package static let unit = "%"
    private var right = SampleShare()

    package init() {}

    package static func objection(to place: MetricPlace) -> String? {
        place.hasLabels ? place.objectionToScores : "the data has no labels"
    }

    package mutating func add(_ batch: MetricBatch) throws {
        for (sample, label) in (batch.labels ?? []).enumerated() {
            guard label >= 0, label < batch.classCount else {
                throw WinnowError(.data, "label \(label)", "is not one of the model's \(batch.classCount) classes")
            }
            if batch.bestClass(of: sample, in: batch.values) == label { right.count += 1 }
        }
        right.total += batch.sampleCount
    }

    package var value: Double { right.value }
    package var deviation: Double? { right.deviation }
}
