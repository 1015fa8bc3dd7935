import Foundation

/// The target of one sample as the data have it, before a loss is taken of it.
package struct TargetSample: Sendable {
    /// Row-major, of `extents`.
    package var values: [Double]
    /// Those of one sample.
    package var extents: [Int]
    /// The axis of classes among `extents`; nil where the target has none.
    package var classAxis: Int?
    /// How many times scores (N, times, classes) have; nil where that is not known.
    package var times: Int?

    package init(_ values: [Double], extents: [Int], classAxis: Int? = nil, times: Int? = nil) {
        (self.values, self.extents, self.classAxis, self.times) = (values, extents, classAxis, times)
    }

    /// Why these are no probabilities along the axis of classes; nil where they are, or are no numbers, which training names.
    var objectionToProbabilities: String? {
        guard let classAxis, extents.indices.contains(classAxis) else { return nil }
        if let negative = values.first(where: { $0 < 0 }) { return "holds \(Self.text(negative)), which is no probability" }
        let (classes, inner) = (extents[classAxis], extents[(classAxis + 1)...].reduce(1, *))
        for row in 0..<(values.count / max(classes, 1)) {
            let first = row / inner * classes * inner + row % inner
            let sum = (0..<classes).reduce(0) { $0 + values[first + $1 * inner] }
            if (sum - 1).magnitude > Self.tolerance { return "holds probabilities that come to \(Self.text(sum)), not to 1" }
        }
        return nil
    }

    /// A number in six digits.
    static func text(_ value: Double) -> String { String(format: "%g", value) }

    /// What rounding to few digits may make of a sum of 1.
    private static let tolerance = 0.02
}
