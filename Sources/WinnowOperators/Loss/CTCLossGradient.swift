package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// From (dloss, scores, letters): the gradient of the loss by the scores.
package struct CTCLossGradient: Operator {
    package static let type = OperatorType("CTCLossGradient", domain: "winnow")
    package static let maximumInputCount = 3

    package var blank: Int

    package init(blank: Int = 0) { self.blank = blank }
    package init(attributes: Attributes, version: Int) throws { self.init(blank: try attributes.int("blank", default: 0)) }
    package var attributes: Attributes { ["blank": .int(blank)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(1).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let (scores, letters) = (try request.input(1), try request.input(2))
        try scores.requireFloat32(request.nodeName)
        let loss = try TemporalClassificationKernel(scores.shape, letters: letters.shape, blank: blank)
        return Kernel { operands in
            try loss.runGradient(
                operands.input(0, as: Float.self), operands.input(1, as: Float.self), operands.input(2, as: Int64.self),
                to: operands.output(0, as: Float.self))
        }
    }
}
