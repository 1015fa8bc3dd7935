/// What a sensitivity analysis found.
public struct SensitivityResult: Sendable {
    /// What models were judged by, and what the unchanged one has.
    public let metric: String
    public let baseline: Double
    /// The pass that changed the parts.
    let step: PassStep
    /// The hyperparameter that was raised: `sparsity`.
    public let hyperparameter: String
    /// Strengths from little to much.
    public let strengths: [Double]
    /// The parts in the order of the model, with the tensors that are each.
    let parts: [(name: String, tensors: [String])]
    public let table: SensitivityTable
    /// Why a part could not be changed, by its name.
    public let skipped: [(name: String, reason: String)]

    /// The name of the pass: `magnitude-pruning`.
    public var pass: String { step.name }
    public var names: [String] { parts.map(\.name) }

    /// What a part loses at a strength.
    public func loss(of name: String, at strength: Double) -> Double? {
        table.curves[name]?.points.first { $0.strength == strength }?.loss
    }
}

extension SensitivityResult {
    /// A strength at which parts are left alone, in words for a recipe.
    public struct Exception: Sendable, Codable {
        public let strength: Double
        /// Globs of the tensors of all parts that lose more than the bound by themselves.
        public let except: [String]
        /// The pass at this strength without them, as one line of a recipe.
        public let step: String
    }

    /// For each strength, what to leave alone so that nothing loses more than `bound` by itself. Throws where the pass does not
    /// take one of the strengths.
    public func exceptions(losing bound: Double) throws -> [Exception] {
        try strengths.map { strength in
            let sensitive = parts.filter { loss(of: $0.name, at: strength) ?? 0 > bound }.flatMap(\.tensors)
            let except = sensitive.map(Selection.literal).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            var values = step.pass.hyperparameters
            let own = values["except"]?.elements ?? []
            values["except"] = .list(own + except.map { .string($0) }.filter { !own.contains($0) })
            values[hyperparameter] = HyperparameterValue(strength)
            let changed = try PassStep(named: step.name, hyperparameters: values)
            return Exception(strength: strength, except: except, step: changed.description)
        }
    }
}
