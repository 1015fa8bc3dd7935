public import WinnowPasses

extension Model {
    /// The model after one pass, and what the pass did to every tensor; `teacher` is whom distillation follows.
    ///
    /// ```swift
    /// let (small, findings) = try model.applying(StaticQuantization { $0.calibration.samples = 512 }, data: data)
    /// ```
    public func applying(
        _ pass: some Pass, data: DataSplits? = nil, teacher: Model? = nil, seed: UInt64 = 0
    ) throws -> (model: Model, findings: [Finding]) {
        var pipeline = Pipeline(Recipe { pass }, data: data)
        pipeline.teacher = teacher
        pipeline.seed = seed
        let result = try pipeline.run(on: self)
        return (result.model, result.findings)
    }

    /// The same, with the pass and its hyperparameters by name. Throws `.recipe` for unknown names and values.
    public func applying(
        _ pass: String, _ hyperparameters: [String: HyperparameterValue] = [:], data: DataSplits? = nil,
        teacher: Model? = nil, seed: UInt64 = 0
    ) throws -> (model: Model, findings: [Finding]) {
        try applying(PassStep(named: pass, hyperparameters: hyperparameters).pass, data: data, teacher: teacher, seed: seed)
    }
}
