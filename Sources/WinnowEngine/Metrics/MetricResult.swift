/// What one metric gives for one output.
public struct MetricResult: Codable, Sendable, Hashable {
    public var metric: String
    /// `model` where it is of the model as a whole.
    public var output: String
    /// ∞ for the SQNR of equal outputs, −∞ where one is no number; nil where it is no number itself.
    public var value: Double?
    /// `%` for parts of one, `dB`; empty for plain numbers.
    public var unit: String
    public var isHigherBetter: Bool
    /// What the number of samples alone causes.
    public var deviation: Double?

    package static let wholeModel = "model"

    init(_ metric: any Metric, output: String) {
        self.init(type(of: metric).name, metric.value, unit: type(of: metric).unit, isHigherBetter: type(of: metric).isHigherBetter, output: output)
        deviation = metric.deviation
    }

    package init(_ metric: String, _ value: Double, unit: String, isHigherBetter: Bool, output: String) {
        self.metric = metric
        self.output = output
        self.value = value.isNaN ? nil : value
        self.unit = unit
        self.isHigherBetter = isHigherBetter
    }
}
