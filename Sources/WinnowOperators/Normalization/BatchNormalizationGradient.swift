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
        let gradient = try BatchNormalizationGradientKernel(
            data.shape, layout: data.layout, statistics: usesBatch ? .ofBatch : .given, epsilon: epsilon)
        let frozen = try request.hasNumber(5)
            ? BatchNormalizationGradientKernel(data.shape, layout: data.layout, statistics: .given, epsilon: epsilon) : nil
        let byteCount = max(gradient.scratchByteCount, frozen?.scratchByteCount ?? 0)
        return Kernel(placement: .mayOverwrite([1]), scratchByteCount: byteCount) { operands in
            let isFrozen = frozen != nil && operands.input(5, as: Float.self)[0] != 0
            try (isFrozen ? frozen ?? gradient : gradient).run(
                source: operands.input(0), targetGradient: operands.input(1), scale: operands.input(2),
                statistics: .given(mean: operands.input(3), variance: operands.input(4)),
                gradients: NormalizationGradients(
                    source: operands.output(0), scale: operands.output(1), shift: operands.output(2)),
                scratch: operands.scratch)
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
