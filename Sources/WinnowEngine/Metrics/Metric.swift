package import WinnowGraph
public import WinnowTensor

/// What "good" means for one output of a model: a number gathered batch by batch from the output's values, those of the
/// original model, and labels.
///
/// ```swift
/// /// The mean of the largest score.
/// struct Confidence: Metric {
///     static let name = "confidence"
///     private var sum = 0.0
///     private var count = 0
///
///     static func objection(to place: MetricPlace) -> String? { place.isScores ? nil : "\(place.output) is no scores" }
///
///     mutating func add(_ batch: MetricBatch) {
///         for sample in 0..<batch.sampleCount { sum += batch.values(of: sample).max() ?? 0 }
///         count += batch.sampleCount
///     }
///
///     var value: Double { sum / Double(max(1, count)) }
/// }
/// ```
public protocol Metric: Sendable {
    /// As reports call it: `top-1`.
    static var name: String { get }
    /// `%` for parts of one, `dB`; empty for plain numbers.
    static var unit: String { get }
    static var isHigherBetter: Bool { get }
    /// Whether it lies between 0 and 1, so that a drop counts hundredths of that; else a drop counts in its own unit. nil: as the original's
    /// number does.
    static var isPart: Bool? { get }
    /// Whether it is about the class of each sample. Where labels are of places, such as tokens or pixels, it is then given a row of scores for
    /// each place that has a class, as if that were a sample.
    static var judgesClasses: Bool { get }

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
    public static var unit: String { "" }
    public static var isHigherBetter: Bool { true }
    public static var isPart: Bool? { unit == "%" ? true : unit.isEmpty ? nil : false }
    public static var judgesClasses: Bool { false }
    public static func objection(to place: MetricPlace) -> String? { nil }
    public var deviation: Double? { nil }
}

/// An output that a metric may be about, as the first batch shows it.
public struct MetricPlace: Sendable {
    public var output: String
    public var elementType: ElementType
    /// The samples of the batch, then the extents of one.
    public var shape: Shape
    /// The rows of the batch.
    public var sampleCount: Int
    public var hasLabels: Bool
    public var hasOriginal: Bool
    /// Why there are no labels, where there are none.
    package var labelObjection = MetricPlace.noLabels

    package static let noLabels = "the data has no labels"

    package init(
        output: String, elementType: ElementType, shape: Shape, sampleCount: Int, hasLabels: Bool, hasOriginal: Bool
    ) {
        self.output = output
        self.elementType = elementType
        self.shape = shape
        self.sampleCount = sampleCount
        self.hasLabels = hasLabels
        self.hasOriginal = hasOriginal
    }

    /// Whether it gives each sample a score for each of several classes: (N, classes).
    public var isScores: Bool {
        elementType.isFloatingPoint && shape.rank >= 2 && shape[0] == sampleCount && shape[1] > 1 && shape.dropFirst(2).allSatisfy { $0 == 1 }
    }

    /// Why it is not scores.
    var objectionToScores: String? { isScores ? nil : "output \(output) is \(elementType) \(shape), not scores (N, classes)" }

    /// Why labels do not judge it.
    var objectionToLabels: String? { hasLabels ? objectionToScores : labelObjection }

    var objectionToAgreement: String? {
        guard hasOriginal else { return "there is no original model to compare with" }
        return elementType.isFloatingPoint ? nil : "output \(output) holds \(elementType)"
    }
}

/// One output for one batch.
public struct MetricBatch: Sendable {
    /// The elements of the output, sample after sample.
    public var values: [Double]
    /// What the original model gives for the same samples, where there is one.
    public var original: [Double]?
    /// The class index of each sample, where the data has labels.
    public var labels: [Int]?
    public var sampleCount: Int
    /// What the values are where they are scores.
    package var form: ClassScores.Form

    package init(
        values: [Double], original: [Double]? = nil, labels: [Int]? = nil, sampleCount: Int, form: ClassScores.Form = .logits
    ) {
        self.values = values
        self.original = original
        self.labels = labels
        self.sampleCount = sampleCount
        self.form = form
    }

    /// The elements that the output has for one sample, in the order of its axes.
    public func values(of sample: Int) -> ArraySlice<Double> { values[(sample * classCount)..<((sample + 1) * classCount)] }

    /// The labels with the samples they are of. Throws `.data` for one that is no class.
    func checkedLabels() throws -> EnumeratedSequence<[Int]> {
        for label in labels ?? [] where label < 0 || label >= classCount {
            throw WinnowError(.data, "label \(label)", "is not one of the model's \(classCount) classes")
        }
        return (labels ?? []).enumerated()
    }

    /// How many scores each sample has.
    var classCount: Int { values.count / max(1, sampleCount) }

    /// The class with the highest score of a sample; ties go to the lower one. nil where one of its scores is no number.
    func bestClass(of sample: Int, in values: [Double]) -> Int? {
        let scores = values[(sample * classCount)..<((sample + 1) * classCount)]
        guard !scores.contains(where: \.isNaN) else { return nil }
        var best = scores.startIndex
        for index in scores.indices where scores[index] > scores[best] { best = index }
        return best - scores.startIndex
    }

    /// How many classes come before one in the order of a sample's scores; ties go to the lower one. nil where one of its scores is no
    /// number.
    func rank(of label: Int, for sample: Int) -> Int? {
        let scores = values(of: sample)
        guard !scores.contains(where: \.isNaN) else { return nil }
        let place = scores.startIndex + label
        return scores.indices.count { scores[$0] > scores[place] || (scores[$0] == scores[place] && $0 < place) }
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
