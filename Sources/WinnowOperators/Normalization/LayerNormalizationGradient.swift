package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradients of x, scale and shift from (x, gradient, scale).
package struct LayerNormalizationGradient: Operator {
    package static let type = OperatorType("LayerNormalizationGradient", domain: "winnow")

    package var axis: Int
    package var epsilon: Float

    package init(axis: Int = -1, epsilon: Float = 1e-5) {
        self.axis = axis
        self.epsilon = epsilon
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: -1), epsilon: try attributes.float("epsilon", default: 1e-5))
    }

    package var attributes: Attributes { ["axis": .int(axis), "epsilon": .float(epsilon)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let scale = try inputs.required(2)
        return [ValueInfo(try inputs.required(0).type), ValueInfo(scale.type), ValueInfo(scale.type)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let shape = try request.input(0).shape
        let width = Shape(Array(shape[try axis.normalizedAxis(rank: shape.rank)...])).elementCount
        guard try request.input(2).shape.elementCount == width else {
            throw WinnowError(.shape, request.nodeName, "scale must have the \(width) elements of the normalized axes")
        }
        let gradient = LayerNormalizationGradientKernel(
            rows: shape.elementCount / max(width, 1), width: width, epsilon: epsilon)
        return Kernel(placement: .mayOverwrite([1, 0]), scratchByteCount: gradient.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            gradient.run(
                source: operands.input(0, as: Float.self), targetGradient: operands.input(1, as: Float.self),
                scale: operands.input(2, as: Float.self),
                gradients: NormalizationGradients(
                    source: operands.output(0), scale: operands.optionalOutput(1), shift: operands.optionalOutput(2)),
                scratch: scratch)
        }
    }
}
