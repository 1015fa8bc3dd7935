package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// activation(alpha · A′ B′ + beta · C)
package struct FusedGemm: TrainedInParts {
    package static let type = OperatorType("FusedGemm", domain: "com.microsoft")
    package static let maximumInputCount = 3

    package var gemm: Gemm
    package var activation: Activation?

    package init(_ gemm: Gemm, activation: Activation?) {
        self.gemm = gemm
        self.activation = activation
    }

    package init(attributes: Attributes, version: Int) throws {
        let parameters = try [attributes.float("activation_alpha"), attributes.float("activation_beta")].compactMap { $0 }
        let name = try attributes.string("activation", default: "")
        self.init(
            try Gemm(attributes: attributes, version: version),
            activation: name.isEmpty ? nil : try Activation(name: name, parameters: parameters))
    }

    package var attributes: Attributes {
        var result = gemm.attributes
        guard let activation else { return result }
        result["activation"] = .string(activation.name)
        for (name, value) in zip(["activation_alpha", "activation_beta"], activation.parameters) { result[name] = .float(value) }
        return result
    }

    package var quantization: QuantizationRule { .contraction }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { try gemm.outputs(for: inputs) }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { gemm.axes(for: inputs) }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let y = try b.add(gemm, inputs: inputs)[0]
        return [try activation.map { try b.add($0, to: y) } ?? y]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let product = try gemm.kernel(for: request)
        guard let function = activation?.step.function else { return product }
        let count = request.outputs[0].shape.elementCount
        let loop = try UnaryKernel(function, .float32)
        return Kernel(scratchByteCount: product.scratchByteCount) { operands in
            try product.run(operands)
            loop.run(from: operands.output(0), to: operands.output(0), count: count)
        }
    }
}
