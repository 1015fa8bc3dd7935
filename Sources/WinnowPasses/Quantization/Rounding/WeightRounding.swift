package import WinnowGraph
package import WinnowTensor

/// Which codes the numbers of a weight become.
package protocol WeightRounding: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// The data that it must see.
    static var needs: PassNeeds { get }

    init()

    /// Learns what it must know of the data that meets these weights.
    mutating func prepare(for targets: [WeightTarget], in graph: Graph, _ context: PassContext) throws

    /// Float32 numbers that `parameters` can hold, in the place of the weight's; nil: each the nearest.
    func rounded(_ target: WeightTarget, _ parameters: QuantizationParameters) -> Tensor?
}

extension WeightRounding {
    package static var needs: PassNeeds { .nothing }
    package mutating func prepare(for targets: [WeightTarget], in graph: Graph, _ context: PassContext) throws {}
}
