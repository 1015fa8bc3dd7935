import WinnowGraph
public import WinnowPasses
public import WinnowTensor

/// What becomes of pruned weights when their masks go.
public enum MaskRemoval: Sendable {
    /// The zeros stay: outputs do not change.
    case makePermanent
    /// The weights beneath the masks come back.
    case restoreDense
}

extension Model {
    /// Every pruning mask, in node order; a mask is known by its role, which files keep, not by its name.
    public var masks: [PruningMask] { graph.pruningMasks }

    /// Whether a tensor has a mask; without a name, whether any has one.
    public func isPruned(_ tensor: String? = nil) -> Bool { masks.contains { tensor == nil || $0.tensor == tensor } }

    /// Prunes one tensor further: what masks hold already stays pruned. Gives its mask.
    ///
    /// ```swift
    /// try model.prune("fc1.weight", .l1Unstructured(0.3))
    /// try model.prune("conv1.weight", .lnStructured(2, norm: 1, axis: 0))
    /// ```
    ///
    /// `importance`, of the tensor's shape, is compared in place of the weights; `seed` fixes what is drawn at random.
    /// Throws what `PruningMethod.mask` throws, `.usage` for a tensor that is not there; the model is then as it was.
    @discardableResult
    public mutating func prune(
        _ tensor: String, _ method: PruningMethod, importance: Tensor? = nil, seed: UInt64 = 0
    ) throws -> PruningMask {
        let masks = try prune([tensor], method, importance: importance.map { [tensor: $0] } ?? [:], seed: seed)
        guard let mask = masks.first else {
            throw WinnowError(.model, "tensor \(tensor)", "is read by nothing that a mask could serve")
        }
        return mask
    }

    /// Prunes tensors together: their elements are compared with each other, and the amount is of all of them
    /// (`global_unstructured` of `torch.nn.utils.prune`). Gives their masks.
    ///
    /// Throws as for one tensor, `.usage` for a method of channels and for an importance of a tensor that is not among them.
    @discardableResult
    public mutating func prune(
        _ tensors: [String], _ method: PruningMethod, importance: [String: Tensor] = [:], seed: UInt64 = 0
    ) throws -> [PruningMask] {
        guard !tensors.isEmpty else { throw WinnowError(.usage, "tensors", "are none", remedy: "name those to prune") }
        if let twice = tensors.first(where: { name in tensors.count { $0 == name } > 1 }) {
            throw WinnowError(.usage, "tensor \(twice)", "is named twice", remedy: "name each tensor once")
        }
        if let other = importance.keys.sorted().first(where: { !tensors.contains($0) }) {
            throw WinnowError(
                .usage, "importance of \(other)", "is of no tensor that is pruned",
                remedy: "give it for \(tensors.joined(separator: ", "))")
        }
        let present = Dictionary(masks.map { ($0.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        let pruned = try tensors.map { name in
            try PrunedTensor(name, weights(of: name), mask: present[name]?.values, importance: importance[name])
        }
        let drawn = tensors.reduce(0) { $0 + (present[$1]?.methods.count ?? 0) }
        let found = try method.masks(for: pruned, seed: seed &+ UInt64(drawn))
        graph = try graph.masking(
            Dictionary(zip(tensors, found), uniquingKeysWith: { first, _ in first }),
            by: tensors.count == 1 ? "\(method)" : "\(method) of \(tensors.count) tensors")
        return tensors.compactMap { name in masks.first { $0.tensor == name } }
    }

    /// Takes out the masks of these tensors, all without names: for good (`remove` of `torch.nn.utils.prune`), or undone.
    /// Throws `.usage` for a tensor that has none.
    public mutating func unprune(_ tensors: String..., by removal: MaskRemoval = .makePermanent) throws {
        let masks = masks
        for name in tensors where !isPruned(name) {
            throw WinnowError(
                .usage, "tensor \(name)", "has no mask",
                remedy: masks.isEmpty
                    ? "nothing of the model is pruned" : "pruned are \(masks.map(\.tensor).joined(separator: ", "))")
        }
        let chosen = Set(masks.filter { tensors.isEmpty || tensors.contains($0.tensor) }.map(\.name))
        graph = try removal == .makePermanent ? graph.foldingMasks(only: chosen) : graph.droppingMasks(only: chosen)
    }

    private func weights(of name: String) throws -> Tensor {
        let choices = graph.weightTensors
        guard choices.contains(name), let tensor = graph.initializers[name] else {
            throw WinnowError(
                .usage, "tensor \(name)", graph.initializers[name] == nil ? "is not in the model" : "is no weight",
                remedy: Spelling.remedy(for: name, among: choices))
        }
        return tensor
    }
}
