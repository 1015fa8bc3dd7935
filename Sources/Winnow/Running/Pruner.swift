import WinnowGraph
public import WinnowPasses
import WinnowTensor

/// Prunes a model to a target sparsity with masks that training keeps, and takes them out again.
///
/// ```swift
/// var pruner = Pruner(model, targetSparsity: 0.5)
/// try pruner.prune()                                   // masks in
/// pruner.model = try pruner.model.trained(configuration, on: data).model
/// try pruner.unprune()                                 // zeros stay, masks out
/// ```
public struct Pruner: Sendable {
    /// What becomes of the pruned weights when the masks go.
    public enum Removal: Sendable {
        /// The zeros stay: outputs do not change.
        case makePermanent
        /// The weights beneath the masks come back.
        case restoreDense
    }

    /// The model in its present state; train it in place between `prune` and `unprune`.
    public var model: Model
    /// The fraction of all weights to set to zero, smallest magnitudes of all layers first.
    public let targetSparsity: Double

    public init(_ model: Model, targetSparsity: Double = 0.5) {
        self.model = model
        self.targetSparsity = targetSparsity
    }

    /// Puts masks on the weights.
    @discardableResult
    public mutating func prune() throws -> [Finding] {
        try apply("magnitude-pruning", ["sparsity": .number(targetSparsity), "scope": "global", "keep-mask": true])
    }

    /// Takes the masks out.
    @discardableResult
    public mutating func unprune(_ removal: Removal = .makePermanent) throws -> [Finding] {
        switch removal {
        case .makePermanent: try apply("fold-masks", [:])
        case .restoreDense: try apply("unprune", [:])
        }
    }

    private mutating func apply(_ pass: String, _ values: [String: HyperparameterValue]) throws -> [Finding] {
        let (result, findings) = try model.applying(pass, values)
        model = result
        return findings
    }
}
