package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Batch normalization by the batch's own statistics.
///
/// (x, scale, shift, running mean, running variance) → (y, next running mean, next running variance, batch mean, batch
/// variance); variances divide by the count, as ONNX's BatchNormalization-14 defines them.
package struct BatchNormalizationTraining: Operator {
    package static let type = OperatorType("BatchNormalizationTraining", domain: "winnow")

    package var epsilon: Float
    package var momentum: Float

    package init(epsilon: Float = 1e-5, momentum: Float = 0.9) {
        self.epsilon = epsilon
        self.momentum = momentum
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            epsilon: try attributes.float("epsilon", default: 1e-5), momentum: try attributes.float("momentum", default: 0.9))
    }

    package var attributes: Attributes { ["epsilon": .float(epsilon), "momentum": .float(momentum)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let results = try BatchNormalization().outputs(for: inputs)
        return results + results.suffix(2)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let map = BatchNormalization().axes(for: inputs)
        guard !map.isOpaque else { return .opaque }
        return AxisMap(
            inputs: map.inputs, outputs: map.outputs + [[AxisTerm]](repeating: [.label("c")], count: 4),
            pinned: map.inputLabels.subtracting(["c"]))
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let data = try request.input(0)
        let channels = data.shape[1]
        let normalization = try BatchNormalizationKernel(
            data.shape, layout: data.layout, statistics: .ofBatch, epsilon: epsilon)
        let momentum = momentum
        return Kernel(scratchByteCount: normalization.scratchByteCount) { operands in
            try normalization.run(
                source: operands.input(0), scale: operands.input(1), shift: operands.input(2),
                statistics: NormalizationStatistics(mean: operands.output(3), variance: operands.output(4)),
                target: operands.output(0), scratch: operands.scratch)
            for statistic in 0..<2 {
                let running = operands.input(3 + statistic, as: Float.self)
                let batch = operands.output(3 + statistic, as: Float.self)
                let next = operands.output(1 + statistic, as: Float.self)
                for channel in 0..<channels {
                    next[channel] = momentum * running[channel] + (1 - momentum) * batch[channel]
                }
            }
        }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        try BatchNormalizationGradient.emit(
            context, BatchNormalizationGradient(epsilon: epsilon, usesBatch: true), context.output(3), context.output(4))
            + [nil, nil]
    }
}
