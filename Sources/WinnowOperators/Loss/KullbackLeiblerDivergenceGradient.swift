package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// From (dloss, student, teacher): the gradient of the distillation loss by the student's scores.
package struct KullbackLeiblerDivergenceGradient: Operator {
    package static let type = OperatorType("KullbackLeiblerDivergenceGradient", domain: "winnow")

    package var temperature: Float

    package init(temperature: Float) { self.temperature = temperature }

    package init(attributes: Attributes, version: Int) throws {
        self.init(temperature: try attributes.float("temperature", default: 1))
    }

    package var attributes: Attributes { ["temperature": .float(temperature)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(1).type)] }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let student = try request.input(1)
        try student.requireFloat32(request.nodeName)
        let divergence = try DivergenceKernel(student.shape, temperature: temperature)
        return Kernel { operands in
            divergence.runGradient(
                operands.input(0, as: Float.self), student: operands.input(1, as: Float.self),
                teacher: operands.input(2, as: Float.self), to: operands.output(0, as: Float.self))
        }
    }
}
