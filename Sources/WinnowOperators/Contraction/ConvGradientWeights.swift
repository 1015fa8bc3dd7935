package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The gradients of a convolution's filter and bias from (source, target gradient, shape of the filter).
package struct ConvGradientWeights: Operator {
    package static let type = OperatorType("ConvGradientWeights", domain: "winnow")

    package var convolution: Conv

    package init(convolution: Conv) { self.convolution = convolution }

    package init(attributes: Attributes, version: Int) throws {
        self.init(convolution: try Conv(attributes: attributes, version: version))
    }

    package var attributes: Attributes { convolution.attributes }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0, 1], outputs: []) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let source = try inputs.required(0)
        let filter = try inputs.required(2).elementExtents
        return [ValueInfo(source.elementType, filter), ValueInfo(source.elementType, [filter?.first ?? .unknown])]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0, 1])
        let source = try request.input(0)
        let target = try request.input(1)
        let geometry = try convolution.geometry(source: source.shape, filter: request.outputs[0].shape)
        let layouts = OperandLayouts(source: source.layout, target: target.layout)
        let hasBias = request.outputs.count > 1
        if let gradient = try DepthwiseFilterGradientKernel(geometry, layouts, hasBias: hasBias) {
            return Kernel(scratchByteCount: gradient.scratchByteCount) { operands in
                guard let scratch = operands.scratch else { return }
                gradient.run(
                    source: operands.input(0, as: Float.self), targetGradient: operands.input(1, as: Float.self),
                    filterGradient: operands.output(0, as: Float.self),
                    biasGradient: operands.optionalOutput(1)?.assumingMemoryBound(to: Float.self), scratch: scratch)
            }
        }
        guard request.arithmetic == .fast, layouts.areChannelsLast, let convolution = WinogradConvolution(geometry),
            let denseCost = SparseProduct(geometry)?.denseCost()
        else { return try denseKernel(request, geometry, layouts, hasBias: hasBias) }
        let dense = KernelCandidate("dense", cost: denseCost) { try denseKernel(request, geometry, layouts, hasBias: hasBias) }
        let tiles = KernelCandidate("Winograd \(convolution.side)×\(convolution.side)", cost: convolution.gradientCost) {
            try tileKernel(WinogradFilterGradientKernel(convolution, hasBias: hasBias))
        }
        return try request.kernel(of: dense, or: [tiles])
    }

    private func tileKernel(_ gradient: WinogradFilterGradientKernel) -> Kernel {
        Kernel(scratchByteCount: gradient.scratchByteCount) { operands in
            try gradient.run(
                source: operands.input(0), targetGradient: operands.input(1), filterGradient: operands.output(0),
                biasGradient: operands.optionalOutput(1), scratch: operands.scratch)
        }
    }

    private func denseKernel(
        _ request: KernelRequest, _ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, hasBias: Bool
    ) throws -> Kernel {
        let gradient = try ConvolutionFilterGradientKernel(geometry, layouts, hasBias: hasBias, math: request.arithmetic.math)
        return Kernel(scratchByteCount: gradient.scratchByteCount) { operands in
            try gradient.run(
                source: operands.input(0), targetGradient: operands.input(1), filterGradient: operands.output(0),
                biasGradient: operands.optionalOutput(1), scratch: operands.scratch)
        }
    }
}
