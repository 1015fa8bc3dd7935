package import WinnowEngine
package import WinnowGraph
package import WinnowTensor

/// Changes parameters in place and keeps what the rule remembers of each.
package struct Optimizer {
    let configuration: OptimizerConfiguration
    private(set) var parameters: [Parameter]

    /// One parameter, its gradient history and how it is trained.
    struct Parameter {
        let name: ValueName
        let values: UnsafeMutablePointer<Float>
        let count: Int
        let options: ParameterOptions
        let weightDecay: Float
        /// Momentum for SGD; first and second moment for Adam.
        let moments: [TensorStorage]
        let shape: Shape
        /// Updates so far; Adam's bias correction counts them.
        var steps = 0
    }

    package init(
        _ configuration: OptimizerConfiguration, parameters names: [ValueName], of variables: VariableStore,
        shapes: [ValueName: Shape], options: [ValueName: ParameterOptions]
    ) {
        self.configuration = configuration
        let momentCount = configuration.rule == .sgd ? (configuration.momentum == 0 ? 0 : 1) : 2
        parameters = names.compactMap { name in
            guard let pointer = variables.pointer(to: name), let shape = shapes[name] else { return nil }
            let own = options[name] ?? ParameterOptions()
            let decays = own.decaysWeights && !(configuration.exemptsVectors && shape.rank <= 1)
            return Parameter(
                name: name, values: pointer.assumingMemoryBound(to: Float.self), count: shape.elementCount, options: own,
                weightDecay: decays ? Float(configuration.weightDecay) : 0,
                moments: (0..<momentCount).map { _ in Self.zeros(shape.elementCount) }, shape: shape)
        }
    }

    /// Takes one step along the gradients, each multiplied by `gradientFactor`.
    package mutating func update(
        _ gradients: [GradientBuffer], learningRate: Double, gradientFactor: Float, frozen: Set<ValueName>
    ) {
        for index in parameters.indices where frozen.isEmpty || !frozen.contains(parameters[index].name) {
            guard let gradient = gradients[index].values.baseAddress else { continue }
            parameters[index].steps += 1
            parameters[index].update(
                UnsafePointer(gradient), configuration,
                learningRate: learningRate * Double(parameters[index].options.learningRateFactor),
                gradientFactor: gradientFactor * parameters[index].options.gradientScale)
        }
    }

    private static func zeros(_ count: Int) -> TensorStorage {
        let storage = TensorStorage(byteCount: count * 4)
        storage.base.initializeMemory(as: Float.self, repeating: 0, count: count)
        return storage
    }
}

extension Optimizer {
    /// Moments and step counts, for checkpoints.
    var state: [String: Tensor] {
        var result: [String: Tensor] = [:]
        for parameter in parameters {
            for (slot, storage) in parameter.moments.enumerated() {
                var copy = Tensor(uninitialized: parameter.shape, .float32)
                copy.withUnsafeMutableBytes { bytes in
                    bytes.copyMemory(from: UnsafeRawBufferPointer(start: storage.base, count: bytes.count))
                }
                result["\(slot)/\(parameter.name)"] = copy
            }
            result["steps/\(parameter.name)"] = Tensor(scalar: Int64(parameter.steps))
        }
        return result
    }

    mutating func restore(_ state: [String: Tensor]) throws {
        for index in parameters.indices {
            let name = parameters[index].name
            for (slot, storage) in parameters[index].moments.enumerated() {
                guard let saved = state["\(slot)/\(name)"], saved.elementType == .float32, saved.shape == parameters[index].shape else {
                    throw WinnowError(.data, "checkpoint", "lacks the optimizer's state of \(name)", remedy: "delete it")
                }
                saved.withUnsafeBytes { bytes in
                    if let base = bytes.baseAddress { storage.base.copyMemory(from: base, byteCount: bytes.count) }
                }
            }
            parameters[index].steps = state["steps/\(name)"]?.integers().first ?? 0
        }
    }
}
