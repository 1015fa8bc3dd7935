package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradients of source, scale and shift from (source, target gradient, scale, mean, variance, whether those are constants); the
/// last is optional, a float32 number that is 0 where they are functions of the source.
package struct BatchNormalizationGradient: Operator {
    package static let type = OperatorType("BatchNormalizationGradient", domain: "winnow")

    package var epsilon: Float
    /// Whether mean and variance are functions of the source rather than constants.
    package var usesBatch: Bool

    package init(epsilon: Float = 1e-5, usesBatch: Bool = true) {
        self.epsilon = epsilon
        self.usesBatch = usesBatch
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            epsilon: try attributes.float("epsilon", default: 1e-5), usesBatch: try attributes.flag("batch", default: true))
    }

    package var attributes: Attributes { ["epsilon": .float(epsilon), "batch": .int(usesBatch ? 1 : 0)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let scale = try inputs.required(2)
        return [ValueInfo(try inputs.required(0).type), ValueInfo(scale.type), ValueInfo(scale.type)]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0, 1], outputs: [0]) }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let data = try request.input(0)
        let channels = data.shape[1]
        let gradient = BatchNormalizationGradientKernel(
            rows: data.shape.elementCount / max(channels, 1), channels: channels, epsilon: epsilon)
        let (usesBatch, mayFreeze) = (usesBatch, try request.hasNumber(5))
        return Kernel(placement: .mayOverwrite([1]), scratchByteCount: gradient.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            let isFrozen = mayFreeze && operands.input(5, as: Float.self)[0] != 0
            gradient.run(
                source: operands.input(0, as: Float.self), targetGradient: operands.input(1, as: Float.self),
                scale: operands.input(2, as: Float.self), mean: operands.input(3, as: Float.self),
                variance: operands.input(4, as: Float.self), areOfRows: usesBatch && !isFrozen,
                sourceGradient: operands.output(0, as: Float.self), scaleGradient: operands.output(1, as: Float.self),
                shiftGradient: operands.output(2, as: Float.self), scratch: scratch)
        }
    }

    /// The gradients of inputs 0, 1 and 2 of a batch normalization.
    static func emit(
        _ context: GradientContext, _ op: BatchNormalizationGradient, _ mean: ValueName, _ variance: ValueName
    ) throws -> [ValueName?] {
        try context.builder.add(
            op,
            inputs: [context.input(0), context.outputGradient(), context.input(1), mean, variance] + (op.usesBatch ? context.node.inputs.dropFirst(5) : []),
            outputs: 3)
    }
}
