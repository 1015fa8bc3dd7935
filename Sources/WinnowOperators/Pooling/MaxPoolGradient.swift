package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of a max pooling's source from (source, target gradient).
package struct MaxPoolGradient: Operator {
    package static let type = OperatorType("MaxPoolGradient", domain: "winnow")

    /// nil: one window over everything.
    package var pooling: MaxPool?

    package init(pooling: MaxPool?) { self.pooling = pooling }

    package init(attributes: Attributes, version: Int) throws {
        self.init(pooling: attributes["kernel_shape"] == nil ? nil : try MaxPool(attributes: attributes, version: version))
    }

    package var attributes: Attributes { pooling?.attributes ?? [:] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(try inputs.required(0).type)] }
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0, 1], outputs: [0]) }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let data = try request.input(0)
        let gradient = try MaxPoolingGradientKernel(
            pooling?.geometry(source: data.shape) ?? .global(data.shape), layout: data.layout)
        return Kernel { operands in
            gradient.run(
                source: operands.input(0), targetGradient: operands.input(1), sourceGradient: operands.output(0))
        }
    }
}
