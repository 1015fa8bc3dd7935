package import WinnowGraph
package import WinnowTensor

/// How much single weights matter: those of the lowest scores go first.
package protocol ElementImportance: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// The data that it must see.
    static var needs: PassNeeds { get }

    init()

    /// Learns what it must know of the data that meets these weights, and of a file of scores.
    mutating func prepare(for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext) throws

    /// A score, not below 0, for each element in storage order; nil: their magnitudes. Those of weights not in use do not count.
    func scores(of weight: MaskedWeight) -> [Float]?

    /// The weight with zeros where elements go and with what stays corrected, where it chooses and corrects as it goes; nil:
    /// what scores below the cut goes, and the rest stays as it is.
    func corrected(_ weight: MaskedWeight, _ pattern: SparsityPattern, _ budget: Budget) -> Tensor?
}

extension ElementImportance {
    package static var needs: PassNeeds { .nothing }
    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {}
    package func corrected(_ weight: MaskedWeight, _ pattern: SparsityPattern, _ budget: Budget) -> Tensor? { nil }
}
