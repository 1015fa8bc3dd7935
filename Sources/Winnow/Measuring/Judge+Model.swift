public import WinnowEngine

extension Judge {
    /// A number that a function makes of a model and the samples to judge it by.
    ///
    /// ```swift
    /// let recall = Judge("recall of class 3", unit: "%") { model, samples in
    ///     let predictions = try model.evaluated(on: samples).predictions
    ///     let wanted = samples.labels?.indices.filter { samples.labels?[$0] == 3 } ?? []
    ///     return Double(wanted.count { predictions[$0] == 3 }) / Double(max(1, wanted.count))
    /// }
    /// ```
    ///
    /// `unit` is `%` for parts of one, `dB`, or empty for plain numbers. `measure` is called once for each model and set of
    /// samples: those that validate where choices are made and steps judged, else those that test.
    public init(
        _ name: String, unit: String = "", isHigherBetter: Bool = true,
        _ measure: @escaping @Sendable (Model, Dataset) throws -> Double
    ) {
        self.init(name, unit: unit, isHigherBetter: isHigherBetter, ofGraph: { graph, data, _ in try measure(Model(graph), data) })
    }
}
