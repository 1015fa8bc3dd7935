package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of an average pooling's source from (target gradient, shape of the source).
package struct AveragePoolGradient: Operator {
    package static let type = OperatorType("AveragePoolGradient", domain: "winnow")

    /// nil: one window over everything.
    package var pooling: AveragePool?

    package init(pooling: AveragePool?) { self.pooling = pooling }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            pooling: attributes["kernel_shape"] == nil ? nil : try AveragePool(attributes: attributes, version: version))
    }

    package var attributes: Attributes { pooling?.attributes ?? [:] }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(1).elementExtents)]
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0])
        let source = request.outputs[0]
        let gradient = try AveragePoolingGradientKernel(
            pooling?.geometry(source: source.shape) ?? .global(source.shape), countsPads: pooling?.countsPads ?? false,
            layout: source.layout)
        return Kernel(scratchByteCount: gradient.scratchByteCount) { operands in
            try gradient.run(
                targetGradient: operands.input(0), sourceGradient: operands.output(0), scratch: operands.scratch)
        }
    }
}
