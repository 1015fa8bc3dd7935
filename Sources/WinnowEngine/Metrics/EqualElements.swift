import WinnowTensor

/// The part of the elements of an integer or boolean output that are the original's.
package struct EqualElements: Metric {
    package static let name = "equal elements"
    package static let unit = "%"
    private var same = SampleShare()

    package init() {}

    package static func objection(to place: MetricPlace) -> String? {
        guard place.hasOriginal else { return place.objectionToAgreement }
        return place.elementType.isFloatingPoint ? "output \(place.output) holds real numbers" : nil
    }

    package mutating func add(_ batch: MetricBatch) {
        guard let original = batch.original else { return }
        same.count += zip(batch.values, original).count { $0 == $1 }
        same.total += batch.values.count
    }

    package var value: Double { same.value }
}
