package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of x from (gradient, x) where y = activation(x).
package struct ActivationGradient: Operator {
    package static let type = OperatorType("ActivationGradient", domain: "winnow")

    package var activation: Activation

    package init(_ activation: Activation) { self.activation = activation }

    package init(attributes: Attributes, version: Int) throws {
        guard let activation = try Activation(attributes: attributes) else {
            throw WinnowError(.model, "activation", "is missing")
        }
        self.init(activation)
    }

    package var attributes: Attributes {
        var result = Attributes()
        activation.add(to: &result)
        return result
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(1).type)] }
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .broadcasting(inputs) }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let loop = ActivationGradientKernel(try function())
        let count = try request.input(1).shape.elementCount
        return Kernel(placement: .mayOverwrite([0, 1])) { operands in
            loop.run(operands.input(0), operands.input(1), to: operands.output(0), count: count)
        }
    }

    private func function() throws -> ActivationGradientKernel.Function {
        switch activation {
        case .relu: .clip(low: .leastNonzeroMagnitude, high: .infinity)
        case .clip(let low, let high): .clip(low: low, high: high)
        case .leakyRelu(let alpha): .leakyRelu(alpha: alpha)
        case .elu(let alpha): .elu(alpha: alpha)
        case .hardSigmoid(let alpha, let beta): .hardSigmoid(alpha: alpha, beta: beta)
        case .hardSwish: .hardSwish
        case .swish(let alpha): .swish(alpha: alpha)
        case .gelu(let usesTanh): .gelu(usesTanh: usesTanh)
        case .sigmoid, .tanh: throw WinnowError(.unsupported, "gradient of \(activation.name)", "is one of the result")
        }
    }
}

extension GradientContext {
    /// The gradient of input 0 through an activation, in one node.
    func gradient(of activation: Activation) throws -> ValueName {
        try builder.add(ActivationGradient(activation), outputGradient(), input(0))
    }
}
