package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradient of a convolution's source from (target gradient, filter, shape of the source).
package struct ConvGradientData: Operator {
    package static let type = OperatorType("ConvGradientData", domain: "winnow")

    package var convolution: Conv

    package init(convolution: Conv) { self.convolution = convolution }

    package init(attributes: Attributes, version: Int) throws {
        self.init(convolution: try Conv(attributes: attributes, version: version))
    }

    package var attributes: Attributes { convolution.attributes }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, try inputs.required(2).elementExtents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0, 1])
        let target = try request.input(0)
        let filter = try request.input(1)
        let isConstant = filter.constant != nil
        let gradient = try filter.withConstant { constant in
            try ConvolutionSourceGradientKernel(
                convolution.geometry(source: request.outputs[0].shape, filter: filter.shape),
                OperandLayouts(source: request.outputs[0].layout, target: target.layout), constantFilter: constant,
                math: request.arithmetic.math)
        }
        return Kernel(scratchByteCount: gradient.scratchByteCount) { operands in
            try gradient.run(
                targetGradient: operands.input(0), filter: isConstant ? nil : operands.input(1),
                sourceGradient: operands.output(0), scratch: operands.scratch)
        }
    }
}
