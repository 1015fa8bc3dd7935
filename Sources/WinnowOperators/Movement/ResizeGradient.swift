package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of Resize's data from (target gradient, shape of the data, the other inputs of Resize).
package struct ResizeGradient: Operator {
    package static let type = OperatorType("ResizeGradient", domain: "winnow")

    package var resize: Resize

    package init(_ resize: Resize) { self.resize = resize }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try Resize(attributes: attributes, version: version))
    }

    package var attributes: Attributes { resize.attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(1).elementExtents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let gradient = try request.input(0)
        try gradient.requireFloat32(request.nodeName)
        let source = request.outputs[0].shape
        let rest = request.inputs.dropFirst(2).map { $0.map(ValueInfo.init(operand:)) }
        let axes = try resize.tables(
            [ValueInfo(ValueType(.float32, source))] + rest, source: source, nodeName: request.nodeName)
        let scatter = ResamplingKernel(
            gradient.shape, axes.map { ResamplingKernel.transposed($0, sourceExtent: source[$0.axis]) })
        return Kernel(scratchByteCount: scatter.scratchByteCount) { operands in
            scatter.run(
                operands.input(0, as: Float.self), to: operands.output(0, as: Float.self), scratch: operands.scratch)
        }
    }
}
