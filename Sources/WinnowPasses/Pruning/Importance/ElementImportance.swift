package import WinnowGraph
package import WinnowTensor

/// What the scores of an importance can be compared with.
package enum ScoreMeaning: Sendable {
    /// They are the magnitudes of the weights.
    case magnitudes
    /// They are numbers of their own: with thresholds, and with their own deviation.
    case numbers
    /// They only say which come before others.
    case ranks
}

/// How much single weights matter: those of the lowest scores go first.
package protocol ElementImportance: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// The data that it must see.
    static var needs: PassNeeds { get }
    static var meaning: ScoreMeaning { get }
    /// Whether single weights of different tensors can be compared; where not, `scope` makes no difference.
    static var comparesTensors: Bool { get }

    init()

    /// The score that stands for the number 0.
    var zero: Float { get }

    /// Learns what it must know of the data that meets these weights, and of a file of scores.
    mutating func prepare(for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext) throws

    /// A score, not below 0, for each element in storage order; nil: their magnitudes. Those of weights not in use do not count.
    func scores(of weight: MaskedWeight) -> [Float]?

    /// The weight, each for itself, with zeros where elements go and with what stays corrected, where it chooses and corrects as it goes; nil:
    /// what scores below the cut goes, and the rest stays as it is.
    func corrected(_ weight: MaskedWeight, _ pattern: SparsityPattern, _ budget: Budget) -> Tensor?
}

extension ElementImportance {
    package static var needs: PassNeeds { .nothing }
    package static var meaning: ScoreMeaning { .numbers }
    package static var comparesTensors: Bool { true }
    package var zero: Float { 0 }
    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {}
    package func corrected(_ weight: MaskedWeight, _ pattern: SparsityPattern, _ budget: Budget) -> Tensor? { nil }
}
