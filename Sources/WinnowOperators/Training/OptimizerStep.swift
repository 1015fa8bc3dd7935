import WinnowGraph
import WinnowTensor

/// One step of an optimizer as an operator: learning rate, step count, then for each role (tensors, gradients, averages) one
/// input for each tensor.
protocol OptimizerStep: Decomposition {
    /// The number of roles: 3 with one average, 4 with two.
    static var roleCount: Int { get }

    /// One tensor with its new averages; `roles` has its value of each role.
    func updated(_ b: GraphBuilder, rate: ValueName, count: ValueName, roles: [ValueName]) throws -> [ValueName]
}

extension OptimizerStep {
    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let tensors = max(0, inputs.count - 2) / Self.roleCount
        let (first, averages) = (inputs.dropFirst(2).prefix(tensors), inputs.dropFirst(2 + 2 * tensors))
        return (first + averages).map { $0.map { ValueInfo($0.type) } ?? .unknown }
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let tensors = (inputs.count - 2) / Self.roleCount
        guard tensors > 0, inputs.count == 2 + tensors * Self.roleCount else {
            throw WinnowError(.model, "inputs", "are \(inputs.count), not 2 and \(Self.roleCount) for each tensor")
        }
        let (rate, count) = (try inputs.required(0), try inputs.required(1))
        let results = try (0..<tensors).map { tensor in
            try updated(b, rate: rate, count: count, roles: (0..<Self.roleCount).map { try inputs.required(2 + $0 * tensors + tensor) })
        }
        // All tensors, then all their averages.
        return (0..<(Self.roleCount - 1)).flatMap { role in results.map { $0[role] } }
    }
}

extension GraphBuilder {
    /// The gradient of the loss and of half the squared norm of `x`.
    func regularized(_ gradient: ValueName, _ x: ValueName, by coefficient: Float) throws -> ValueName {
        coefficient == 0 ? gradient : try add(multiply(x, by: Double(coefficient)), gradient)
    }

    /// decay · old + factor · new
    func average(_ old: ValueName, decay: Float, _ new: ValueName, factor: Double) throws -> ValueName {
        try add(multiply(old, by: Double(decay)), multiply(new, by: factor))
    }

    /// `later` once steps have been counted, `first` before.
    func afterFirstStep(_ count: ValueName, _ later: ValueName, first: ValueName) throws -> ValueName {
        try add(Where(), add(Greater(), count, scalar(0, like: count)), later, first)
    }
}
