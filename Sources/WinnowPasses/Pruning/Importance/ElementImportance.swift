package import WinnowGraph

/// How much single weights matter: those of the lowest scores go first.
package protocol ElementImportance: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// The data that it must see.
    static var needs: PassNeeds { get }

    init()

    /// Learns what it must know of the data that meets these weights.
    mutating func prepare(for sites: [WeightSite], in graph: Graph, _ context: PassContext) throws

    /// A score, not below 0, for each element in storage order; nil: their magnitudes. Those of weights not in use do not count.
    func scores(of weight: MaskedWeight) -> [Float]?
}

extension ElementImportance {
    package static var needs: PassNeeds { .nothing }
    package mutating func prepare(for sites: [WeightSite], in graph: Graph, _ context: PassContext) throws {}
}
