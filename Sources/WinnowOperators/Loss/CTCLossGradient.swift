package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// From (dloss, scores, letters): the gradient of the loss by the scores.
package struct CTCLossGradient: Operator {
    package static let type = OperatorType("CTCLossGradient", domain: "winnow")
    package static let maximumInputCount = 3

    package var blank: Int
    /// Whether samples with an infinite loss, as of more letters than times, count as 0 (torch's `zero_infinity`).
    package var zeroesInfinity: Bool

    package init(blank: Int = 0, zeroesInfinity: Bool = false) { (self.blank, self.zeroesInfinity) = (blank, zeroesInfinity) }
    package init(attributes: Attributes, version: Int) throws {
        self.init(blank: try attributes.int("blank", default: 0), zeroesInfinity: try attributes.int("zero_infinity", default: 0) != 0)
    }
    package var attributes: Attributes {
        var attributes: Attributes = ["blank": .int(blank)]
        if zeroesInfinity { attributes["zero_infinity"] = .int(1) }
        return attributes
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(1).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let (scores, letters) = (try request.input(1), try request.input(2))
        try scores.requireFloat32(request.nodeName)
        let loss = try TemporalClassificationKernel(scores.shape, letters: letters.shape, blank: blank, zeroesInfinity: zeroesInfinity)
        return Kernel { operands in
            try loss.runGradient(
                operands.input(0, as: Float.self), operands.input(1, as: Float.self), operands.input(2, as: Int64.self),
                to: operands.output(0, as: Float.self))
        }
    }
}
