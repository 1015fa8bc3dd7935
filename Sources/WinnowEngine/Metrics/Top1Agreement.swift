/// The part of the samples, or of places with labels, to which the model gives the class that the original gives them; where scores are no
/// numbers there is none.
package struct Top1Agreement: Metric {
    package static let name = "same top-1"
    package static let judgesClasses = true
    package static let unit = "%"
    private var same = SampleShare()

    package init() {}

    package static func objection(to place: MetricPlace) -> String? { place.objectionToAgreement ?? place.objectionToScores }

    package mutating func add(_ batch: MetricBatch) {
        guard let original = batch.original else { return }
        same.count += (0..<batch.sampleCount).count { sample in
            batch.bestClass(of: sample, in: batch.values).map { $0 == batch.bestClass(of: sample, in: original) } ?? false
        }
        same.total += batch.sampleCount
    }

    package var value: Double { same.value }
    package var deviation: Double? { same.deviation }
}
