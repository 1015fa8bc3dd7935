/// The part of the samples, or of places with labels, whose label is among the five highest scores; ties go to the lower class.
package struct TopK: Metric {
    package static let name = "top-5"
    package static let judgesClasses = true
    package static let unit = "%"
    let k: Int
    private var right = SampleShare()

    package init() { self.init(5) }
    package init(_ k: Int) { self.k = k }

    package static func objection(to place: MetricPlace) -> String? { place.objectionToLabels }

    package mutating func add(_ batch: MetricBatch) throws {
        for (sample, label) in try batch.checkedLabels() {
            if let rank = batch.rank(of: label, for: sample), rank < k { right.count += 1 }
        }
        right.total += batch.sampleCount
    }

    package var value: Double { right.value }
    package var deviation: Double? { right.deviation }
}
