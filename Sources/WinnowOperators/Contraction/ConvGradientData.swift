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
        let layouts = OperandLayouts(source: request.outputs[0].layout, target: try request.input(0).layout)
        let geometry = try convolution.geometry(source: request.outputs[0].shape, filter: request.input(1).shape)
        guard layouts.areChannelsLast else { return try denseKernel(request, geometry, layouts) }
        let denseCost = geometry.adjoint.flatMap { SparseProduct($0)?.denseCost() }
        return try request.kernel(WinogradConvolution(adjointOf: geometry), besides: denseCost, nil) {
            try denseKernel(request, geometry, layouts)
        }
    }

    private func denseKernel(_ request: KernelRequest, _ geometry: ConvolutionGeometry, _ layouts: OperandLayouts) throws -> Kernel {
        let filter = try request.input(1)
        let isConstant = filter.constant != nil
        let gradient = try filter.withConstant {
            try ConvolutionSourceGradientKernel(geometry, layouts, constantFilter: $0, math: request.arithmetic.math)
        }
        return Kernel(scratchByteCount: gradient.scratchByteCount) { operands in
            try gradient.run(
                targetGradient: operands.input(0), filter: isConstant ? nil : operands.input(1),
                sourceGradient: operands.output(0), scratch: operands.scratch)
        }
    }
}
