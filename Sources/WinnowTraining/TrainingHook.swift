package import WinnowEngine
package import WinnowGraph
package import WinnowTensor

/// Where a run stands between two steps, and what a hook may change there.
package struct TrainingMoment {
    /// Steps done so far; 0 before the first.
    package let step: Int
    package let stepsPerEpoch: Int
    package let totalSteps: Int
    /// Parameters, masks, running statistics and whatever else hooks asked for, changed in place.
    package let variables: VariableStore
    /// The gradients asked for, of the step just taken; none before the first.
    private let gradients: [GradientBuffer]
    /// Parameters that are not updated from now on.
    package var frozen: Set<ValueName>

    package init(
        step: Int, stepsPerEpoch: Int, totalSteps: Int, variables: VariableStore, gradients: [GradientBuffer] = [],
        frozen: Set<ValueName> = []
    ) {
        self.step = step
        self.stepsPerEpoch = stepsPerEpoch
        self.totalSteps = totalSteps
        self.variables = variables
        self.gradients = gradients
        self.frozen = frozen
    }

    /// ∂loss/∂value in the step just taken, row-major; nil before the first, and for what nobody asked for.
    package func gradient(of value: ValueName) -> [Float]? { gradients.first { $0.name == value }.map { Array($0.values) } }

    package var epoch: Int { step / max(1, stepsPerEpoch) }
    /// The part of the run that is done, 0 to 1.
    package var fraction: Double { Double(step) / Double(max(1, totalSteps)) }
}

/// What a pass does while a model trains: tighten a mask on its schedule, freeze ranges.
package protocol TrainingHook {
    /// Initializers it changes beyond parameters and masks; they become variables instead of constants.
    var variables: Set<ValueName> { get }

    /// Values of the objective whose gradients it reads: parameters or anything computed from them.
    var gradients: [ValueName] { get }

    /// Whether the graph has reached the form that the run is to end with; only such states can be the best one.
    var isSettled: Bool { get }

    /// Called before the first step and after every step.
    mutating func step(_ moment: inout TrainingMoment) throws

    /// What a checkpoint must keep beyond the variables.
    var state: [String: Tensor] { get }
    mutating func restore(_ state: [String: Tensor]) throws
}

extension TrainingHook {
    package var variables: Set<ValueName> { [] }
    package var gradients: [ValueName] { [] }
    package var isSettled: Bool { true }
    package var state: [String: Tensor] { [:] }
    package mutating func restore(_ state: [String: Tensor]) throws {}
}
