package import WinnowGraph
public import WinnowTensor

/// A pruning mask of a model: what stands between a weight and its readers until it is made permanent or undone.
public struct PruningMask: Sendable {
    /// The initializer that is masked; it keeps the dense weights.
    public let tensor: String
    /// The initializer of the mask.
    public let name: String
    /// 1 where a weight is in use, else 0; of the weights' shape and type.
    public let values: Tensor
    /// The methods that made it, in the order they were applied, as the file records them; passes record none.
    public let methods: [String]

    /// The part that is masked.
    public var sparsity: Double { values.sparsity }
}

extension Graph {
    /// Every mask, in node order. A mask is known by the role that its node records, not by a name.
    package var pruningMasks: [PruningMask] {
        maskNodes.compactMap { node, weight, mask in
            initializers[mask].map { PruningMask(tensor: weight, name: mask, values: $0, methods: node.notes.pruningMethods) }
        }
    }
}
