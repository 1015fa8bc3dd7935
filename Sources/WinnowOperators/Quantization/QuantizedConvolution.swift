package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A convolution of 8-bit codes with 32-bit sums, its bias, residual, activation and requantization fused: what
/// DequantizeLinear → Conv → … → QuantizeLinear becomes when planned. Inputs as `QuantizedEdges` lists them.
package struct QuantizedConvolution: Operator {
    package static let type = OperatorType("QuantizedConvolution", domain: "winnow")

    package var convolution: Conv
    package var edges: QuantizedEdges

    package init(convolution: Conv, edges: QuantizedEdges) {
        self.convolution = convolution
        self.edges = edges
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            convolution: try Conv(attributes: attributes, version: version), edges: try QuantizedEdges(attributes: attributes))
    }

    package var attributes: Attributes {
        var attributes = convolution.attributes
        edges.add(to: &attributes)
        return attributes
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        .channelsLast(inputs: [0, QuantizedEdges.residualInput], outputs: [0])
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(edges.targetType, try convolution.outputs(for: Array(inputs.prefix(2)))[0].extents)]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let map = convolution.axes(for: Array(inputs.prefix(2)))
        guard !map.isOpaque, let filter = map.inputs.last?.first, let output = map.outputs.first else { return .opaque }
        let vectors = inputs.dropFirst(2).prefix(3).map { info -> [AxisTerm] in
            info?.rank == 1 ? [info?.extents == [1] ? .one : filter] : []
        }
        let residual = inputs.dropFirst(5).prefix(1).map { $0 == nil ? [] : output } + inputs.dropFirst(6).map { _ in [] }
        return AxisMap(
            inputs: map.inputs + vectors + residual, outputs: map.outputs, extents: map.extents, pinned: map.pinned.union(["i"]))
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let geometry = try convolution.geometry(source: request.input(0).shape, filter: request.input(1).shape)
        try geometry.validate()
        let layouts = try request.dataLayouts()
        let product = layouts.areChannelsLast ? SparseProduct(geometry) : nil
        if let sparse = try request.kernel(leavingOutZerosOf: product, edges) { return sparse }
        let kernel = try edges.withContraction(request) {
            try IntegerConvolutionKernel(geometry, layouts, $0)
        }
        return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
            try kernel.run(
                source: operands.input(0), encoding: edges.runtimeEncoding(operands),
                residual: operands.optionalInput(QuantizedEdges.residualInput),
                target: operands.output(0), scratch: operands.scratch)
        }
    }
}
