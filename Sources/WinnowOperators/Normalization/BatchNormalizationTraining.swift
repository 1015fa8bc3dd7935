package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Batch normalization by the batch's own statistics.
///
/// (x, scale, shift, running mean, running variance, whether they are kept) → (y, next running mean, next running variance, mean and
/// variance that were taken); variances divide by the count. The sixth input is optional: a float32 number; where it is not 0, the
/// running statistics are taken and stay.
package struct BatchNormalizationTraining: Operator {
    package static let type = OperatorType("BatchNormalizationTraining", domain: "winnow")

    package var epsilon: Float
    package var momentum: Float
    /// Whether the running variance follows batches' variances divided by the count less one, as in torch; ONNX's
    /// BatchNormalization-14 divides by the count.
    package var isUnbiased: Bool

    package init(epsilon: Float = 1e-5, momentum: Float = 0.9, isUnbiased: Bool = true) {
        self.epsilon = epsilon
        self.momentum = momentum
        self.isUnbiased = isUnbiased
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            epsilon: try attributes.float("epsilon", default: 1e-5), momentum: try attributes.float("momentum", default: 0.9),
            isUnbiased: try attributes.flag("unbiased", default: true))
    }

    package var attributes: Attributes {
        ["epsilon": .float(epsilon), "momentum": .float(momentum), "unbiased": .int(isUnbiased ? 1 : 0)]
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let results = try BatchNormalization().outputs(for: Array(inputs.prefix(5)))
        return results + results.suffix(2)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        var map = BatchNormalization().axes(for: Array(inputs.prefix(5)))
        guard !map.isOpaque else { return .opaque }
        if inputs.count > 5 { map = map.withUnlabelledInput }
        return AxisMap(
            inputs: map.inputs, outputs: map.outputs + [[AxisTerm]](repeating: [.label("c")], count: 4),
            pinned: map.inputLabels.subtracting(["c"]))
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let data = try request.input(0)
        let channels = data.shape[1]
        let rows = data.shape.elementCount / max(channels, 1)
        let normalization = BatchNormalizationTrainingKernel(rows: rows, channels: channels, epsilon: epsilon)
        let frozen = try request.hasNumber(5) ? BatchNormalizationKernel(data.shape, layout: data.layout, epsilon: epsilon) : nil
        let momentum = momentum
        let factors = [1, isUnbiased && rows > 1 ? Float(rows) / Float(rows - 1) : 1]
        return Kernel(scratchByteCount: max(normalization.scratchByteCount, frozen?.scratchByteCount ?? 0)) { operands in
            if let frozen, operands.input(5, as: Float.self)[0] != 0 {
                for (output, statistic) in zip(1..<5, [3, 4, 3, 4]) {
                    operands.output(output).copyMemory(from: operands.input(statistic), byteCount: channels * MemoryLayout<Float>.stride)
                }
                return try frozen.run(
                    source: operands.input(0), scale: operands.input(1), shift: operands.input(2),
                    statistics: .given(mean: operands.input(3), variance: operands.input(4)), target: operands.output(0),
                    scratch: operands.scratch)
            }
            guard let scratch = operands.scratch else { return }
            normalization.run(
                source: operands.input(0, as: Float.self), scale: operands.input(1, as: Float.self),
                shift: operands.input(2, as: Float.self), mean: operands.output(3, as: Float.self),
                variance: operands.output(4, as: Float.self), target: operands.output(0, as: Float.self), scratch: scratch)
            for statistic in 0..<2 {
                let running = operands.input(3 + statistic, as: Float.self)
                let batch = operands.output(3 + statistic, as: Float.self)
                let next = operands.output(1 + statistic, as: Float.self)
                for channel in 0..<channels {
                    next[channel] = momentum * running[channel] + (1 - momentum) * factors[statistic] * batch[channel]
                }
            }
        }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        try BatchNormalizationGradient.emit(
            context, BatchNormalizationGradient(epsilon: epsilon, usesBatch: true), context.output(3), context.output(4))
            + context.node.inputs.dropFirst(3).map { _ in nil }
    }
}
