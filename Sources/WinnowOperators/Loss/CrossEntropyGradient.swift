package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// From (dloss, scores, labels, class weights): the gradient of a class loss by its scores.
package struct CrossEntropyGradient: Operator {
    package static let type = OperatorType("CrossEntropyGradient", domain: "winnow")

    package var parameters: CrossEntropyParameters
    /// Whether the loss takes the softmax of its scores itself.
    package var normalizes: Bool

    package init(_ parameters: CrossEntropyParameters, normalizes: Bool) {
        self.parameters = parameters
        self.normalizes = normalizes
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            try CrossEntropyParameters(attributes: attributes),
            normalizes: try attributes.flag("normalizes", default: true))
    }

    package var attributes: Attributes {
        var attributes = parameters.attributes
        attributes["normalizes"] = .int(normalizes ? 1 : 0)
        return attributes
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(1).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let loss = try parameters.kernel(request, scores: 1, normalizes: normalizes)
        return Kernel(scratchByteCount: loss.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            try loss.runGradient(
                operands.input(0, as: Float.self), operands.input(1, as: Float.self), labels: operands.input(2),
                weights: operands.optionalInput(3)?.assumingMemoryBound(to: Float.self),
                to: operands.output(0, as: Float.self), scratch: scratch)
        }
    }
}
