package import WinnowGraph
package import WinnowTensor

/// What "good" means for one output of a model: a number gathered batch by batch from the output's values, those of the
/// original model, and labels.
package protocol Metric: Sendable {
    /// As reports call it: `top-1`.
    static var name: String { get }
    /// `%` for parts of one, `dB`; empty for plain numbers.
    static var unit: String { get }
    static var isHigherBetter: Bool { get }

    /// Why it says nothing about such an output; nil where it does.
    static func objection(to place: MetricPlace) -> String?

    init()

    mutating func add(_ batch: MetricBatch) throws

    /// Over everything that was added.
    var value: Double { get }
    /// The standard deviation that the number of samples alone causes; nil where there is none to tell.
    var deviation: Double? { get }
}

extension Metric {
    package static var unit: String { "" }
    package static var isHigherBetter: Bool { true }
    package var deviation: Double? { nil }
}

/// An output that a metric may be about, as the first batch shows it.
package struct MetricPlace: Sendable {
    package var output: String
    package var elementType: ElementType
    package var shape: Shape
    /// The rows of the batch.
    package var sampleCount: Int
    package var hasLabels: Bool
    package var hasOriginal: Bool

    /// Whether it gives each sample a score for each of several classes: (N, classes).
    package var isScores: Bool {
        elementType.isFloatingPoint && shape.rank >= 2 && shape[0] == sampleCount && shape[1] > 1 && shape.dropFirst(2).allSatisfy { $0 == 1 }
    }

    /// Why it is not scores.
    var objectionToScores: String? { isScores ? nil : "output \(output) is \(elementType) \(shape), not scores (N, classes)" }

    /// Why labels do not judge it.
    var objectionToLabels: String? { hasLabels ? objectionToScores : "the data has no labels" }

    var objectionToAgreement: String? {
        guard hasOriginal else { return "there is no original model to compare with" }
        return elementType.isFloatingPoint ? nil : "output \(output) holds \(elementType)"
    }
}

/// One output for one batch.
package struct MetricBatch: Sendable {
    package var values: [Double]
    /// What the original model gives for the same samples.
    package var original: [Double]?
    package var labels: [Int]?
    package var sampleCount: Int
    /// What the values are where they are scores.
    package var form = ClassScores.Form.logits

    /// The scores of each sample.
    func scores(of sample: Int) -> ArraySlice<Double> { values[(sample * classCount)..<((sample + 1) * classCount)] }

    /// The labels with the samples they are of. Throws `.data` for one that is no class.
    func checkedLabels() throws -> EnumeratedSequence<[Int]> {
        for label in labels ?? [] where label < 0 || label >= classCount {
            throw WinnowError(.data, "label \(label)", "is not one of the model's \(classCount) classes")
        }
        return (labels ?? []).enumerated()
    }

    /// How many scores each sample has.
    var classCount: Int { values.count / max(1, sampleCount) }

    /// The class with the highest score; ties go to the lower one.
    static func best(_ scores: ArraySlice<Double>) -> Int {
        var best = scores.startIndex
        for index in scores.indices where scores[index] > scores[best] { best = index }
        return best - scores.startIndex
    }

    func bestClass(of sample: Int, in values: [Double]) -> Int {
        Self.best(values[(sample * classCount)..<((sample + 1) * classCount)])
    }
}

/// A part of samples that something holds for.
struct SampleShare: Sendable {
    var count = 0
    var total = 0

    var value: Double { total == 0 ? 0 : Double(count) / Double(total) }
    /// √(p(1−p)/n) of p = (count + 1)/(n + 2): one sample of one proves nothing.
    var deviation: Double? {
        let share = Double(count + 1) / Double(total + 2)
        return total == 0 ? nil : (share * (1 - share) / Double(total)).squareRoot()
    }
}
