/// What a sensitivity analysis found.
public struct SensitivityResult: Sendable {
    /// What models were judged by, and what the unchanged one has.
    public let metric: String
    public let baseline: Double
    /// The pass and the hyperparameter that were used: `magnitude-pruning`, `sparsity`.
    public let pass: String
    public let hyperparameter: String
    /// Strengths from little to much.
    public let strengths: [Double]
    /// The parts in the order of the model.
    public let names: [String]
    public let table: SensitivityTable
    /// Why a part could not be changed, by its name.
    public let skipped: [(name: String, reason: String)]

    /// What a part loses at a strength.
    public func loss(of name: String, at strength: Double) -> Double? {
        table.curves[name]?.points.first { $0.strength == strength }?.loss
    }
}
