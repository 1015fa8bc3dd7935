package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// From (dloss, scores, letters): the gradient of the loss by the scores.
package struct CTCLossGradient: Operator {
    package static let type = OperatorType("CTCLossGradient", domain: "winnow")
    package static let maximumInputCount = 3

    package var loss: CTCLoss

    package init(_ loss: CTCLoss = CTCLoss()) { self.loss = loss }
    package init(attributes: Attributes, version: Int) throws { loss = try CTCLoss(attributes: attributes, version: version) }
    package var attributes: Attributes { loss.attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(1).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let paths = try loss.paths(request, scores: 1, letters: 2)
        return Kernel { operands in
            try paths.runGradient(
                operands.input(0, as: Float.self), operands.input(1, as: Float.self), operands.input(2, as: Int64.self),
                to: operands.output(0, as: Float.self))
        }
    }
}
