package import WinnowGraph
package import WinnowTensor

/// Which codes the numbers of a weight become.
package protocol WeightRounding: Sendable {
    /// Its name in recipes.
    static var name: String { get }
    /// The data that it must see.
    static var needs: PassNeeds { get }

    init(_ choice: RoundingChoice)

    /// Learns what it must know of the layers.
    mutating func prepare(for targets: [WeightTarget], in graph: Graph)

    /// The weight in numbers that codes stand for; nil: each the nearest.
    ///
    /// - Parameter layer: what the weight's layer needs of it; nil where data does not tell.
    func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) throws -> RoundedWeight?
}

extension WeightRounding {
    package static var needs: PassNeeds { .nothing }
    package mutating func prepare(for targets: [WeightTarget], in graph: Graph) {}
}

/// A rounding that looks at several layers together.
package protocol BlockWiseRounding: WeightRounding {
    /// Hands every weight on, as `RoundingChoice.round` does.
    func round(
        _ tasks: [PendingRounding], in graph: Graph, _ context: PassContext, _ done: (RoundingTask, RoundedWeight?) throws -> Void
    ) throws
}

/// A weight that is to become codes.
package struct PendingRounding {
    package let target: WeightTarget
    /// The parameters of the weight with other numbers, or of a part of it, in its shape but for one axis, and why more numbers
    /// share a scale than was asked for.
    package let finding: (Tensor) -> (parameters: QuantizationParameters, reason: String?)

    package init(_ target: WeightTarget, finding: @escaping (Tensor) -> (parameters: QuantizationParameters, reason: String?)) {
        (self.target, self.finding) = (target, finding)
    }

    /// Its turn has come: scales are found now, so that they take no memory before.
    package var task: RoundingTask {
        let (parameters, reason) = finding(target.values)
        return RoundingTask(target: target, parameters: parameters, reason: reason) { finding($0).parameters }
    }
}

/// A weight that becomes codes.
package struct RoundingTask {
    package let target: WeightTarget
    package let parameters: QuantizationParameters
    /// Why more numbers share a scale than was asked for.
    package var reason: String?
    package let finding: (Tensor) -> QuantizationParameters

    /// Whether its codes are the nearest, with the scales that they have by themselves.
    func isNearest(_ rounded: RoundedWeight) -> Bool {
        rounded.parameters == parameters && parameters.quantize(rounded.values) == parameters.quantize(target.values)
    }
}

/// A float32 weight in numbers that the codes of its parameters stand for.
package struct RoundedWeight: Sendable {
    package var values: Tensor
    package var parameters: QuantizationParameters
}
