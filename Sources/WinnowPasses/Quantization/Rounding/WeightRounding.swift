package import WinnowGraph
package import WinnowTensor

/// Which codes the numbers of a weight become.
package protocol WeightRounding: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// The data that it must see.
    static var needs: PassNeeds { get }

    init(_ choice: RoundingChoice)

    /// Learns what the graph tells of the data that meets these weights.
    mutating func prepare(for tasks: [RoundingTask], in graph: Graph)

    /// The weight in numbers that codes stand for; nil: each the nearest.
    ///
    /// - Parameter layer: what the weight's layer needs of it; nil where data does not tell.
    func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) throws -> RoundedWeight?
}

extension WeightRounding {
    package static var needs: PassNeeds { .nothing }
    package mutating func prepare(for tasks: [RoundingTask], in graph: Graph) {}
}

/// A rounding that looks at several layers together.
package protocol BlockWiseRounding: WeightRounding {
    /// Hands every weight on, as `RoundingChoice.round` does.
    func round(
        _ tasks: [RoundingTask], in graph: Graph, _ context: PassContext, _ done: (RoundingTask, RoundedWeight?) throws -> Void
    ) throws
}

/// A weight that is to become codes.
package struct RoundingTask {
    package let target: WeightTarget
    package let parameters: QuantizationParameters
    /// The parameters of the weight with other numbers, or of a part of it, in its shape but for one axis.
    package let finding: (Tensor) -> QuantizationParameters

    package init(_ target: WeightTarget, _ parameters: QuantizationParameters, finding: @escaping (Tensor) -> QuantizationParameters) {
        (self.target, self.parameters, self.finding) = (target, parameters, finding)
    }
}

/// A float32 weight in numbers that the codes of its parameters stand for.
package struct RoundedWeight: Sendable {
    package var values: Tensor
    package var parameters: QuantizationParameters
}
