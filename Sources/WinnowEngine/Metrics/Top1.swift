import WinnowTensor

/// The part of the samples, or of places with labels, whose label has the highest score; ties go to the lower class.
package struct Top1: Metric {
    package static let name = "top-1"
    package static let judgesClasses = true
    package static let unit = "%"
    private var right = SampleShare()
    /// The class with the highest score of every sample; −1 where one of its scores is no number.
    private(set) var predictions: [Int] = []

    package init() {}

    package static func objection(to place: MetricPlace) -> String? { place.objectionToLabels }

    package mutating func add(_ batch: MetricBatch) throws {
        for (sample, label) in try batch.checkedLabels() {
            let best = batch.bestClass(of: sample, in: batch.values)
            predictions.append(best ?? -1)
            if best == label { right.count += 1 }
        }
        right.total += batch.sampleCount
    }

    package var value: Double { right.value }
    package var deviation: Double? { right.deviation }
}
