public import WinnowPasses

/// Prunes a model to a target sparsity with masks that training keeps, and takes them out again.
///
/// ```swift
/// var pruner = EasyPrune(model, targetSparsity: 0.5)
/// try pruner.prune()                                   // masks in
/// pruner.model = try pruner.model.trained(configuration, on: data).model
/// try pruner.unprune()                                 // zeros stay, masks out
/// ```
public struct EasyPrune: Sendable {
    /// The model in its present state; train it in place between `prune` and `unprune`.
    public var model: Model
    /// The fraction of all weights of layers that is zero after `prune`, to the weight: the smallest magnitudes of all layers go.
    public let targetSparsity: Double

    public init(_ model: Model, targetSparsity: Double = 0.5) {
        self.model = model
        self.targetSparsity = targetSparsity
    }

    /// Puts masks on the weights; what is zero already counts. Throws `.recipe` for a sparsity outside 0…1.
    @discardableResult
    public mutating func prune() throws -> [Finding] {
        let (pruned, findings) = try model.applying(
            MagnitudePruning {
                $0.mode = .total
                $0.sparsity = targetSparsity
                $0.rule.scope = .global
                $0.rule.keepMask = true
            })
        model = pruned
        return findings
    }

    /// Takes the masks out.
    public mutating func unprune(_ removal: MaskRemoval = .makePermanent) throws { try model.unprune(by: removal) }
}
