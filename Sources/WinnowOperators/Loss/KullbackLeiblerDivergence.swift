package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// T²·KL(softmax(teacher/T) ‖ softmax(student/T)) of (student, teacher) scores, the mean over samples: the distillation
/// loss of Hinton et al. 2015. The teacher gets no gradient.
package struct KullbackLeiblerDivergence: Operator {
    package static let type = OperatorType("KullbackLeiblerDivergence", domain: "winnow")

    package var temperature: Float

    package init(temperature: Float = 1) { self.temperature = temperature }

    package init(attributes: Attributes, version: Int) throws {
        self.init(temperature: try attributes.float("temperature", default: 1))
    }

    package var attributes: Attributes { ["temperature": .float(temperature)] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (student, teacher) = (try inputs.required(0), try inputs.required(1))
        guard student.type.accepts(teacher.type) else {
            throw WinnowError(.shape, "teacher", "gives \(teacher.type), but the student \(student.type)")
        }
        return [ValueInfo(student.elementType, [])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let student = try request.input(0)
        try student.requireFloat32(request.nodeName)
        let divergence = try DivergenceKernel(student.shape, temperature: temperature)
        return Kernel(scratchByteCount: divergence.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            divergence.run(
                student: operands.input(0, as: Float.self), teacher: operands.input(1, as: Float.self),
                loss: operands.output(0, as: Float.self), scratch: scratch)
        }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let op = KullbackLeiblerDivergenceGradient(temperature: temperature)
        return [try context.builder.add(op, context.outputGradient(), context.input(0), context.input(1)), nil]
    }
}
