package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A product of 8-bit codes with a constant 8-bit matrix and 32-bit sums, its bias, residual, activation and requantization
/// fused: what DequantizeLinear → Gemm or MatMul → … → QuantizeLinear becomes when planned.
///
/// Inputs as `QuantizedEdges` lists them.
package struct QuantizedMatMul: Operator {
    package static let type = OperatorType("QuantizedMatMul", domain: "winnow")

    package var transposesLeft: Bool
    package var transposesRight: Bool
    package var edges: QuantizedEdges

    package init(transposesLeft: Bool = false, transposesRight: Bool = false, edges: QuantizedEdges) {
        self.transposesLeft = transposesLeft
        self.transposesRight = transposesRight
        self.edges = edges
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            transposesLeft: try attributes.flag("transA", default: false),
            transposesRight: try attributes.flag("transB", default: false),
            edges: try QuantizedEdges(attributes: attributes))
    }

    package var attributes: Attributes {
        var attributes = product.attributes
        edges.add(to: &attributes)
        return attributes
    }

    private var product: MatrixProduct {
        MatrixProduct(transposesLeft: transposesLeft, transposesRight: transposesRight)
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let operands = inputs.prefix(2).map { $0.map { ValueInfo(.float32, $0.extents) } }
        return [ValueInfo(edges.targetType, try product.outputs(for: operands)[0].extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let left = try request.input(0).shape
        let geometry = MatMulGeometry(
            left: left.rank == 1 ? [1] + left : left, right: try request.input(1).shape,
            transposesLeft: transposesLeft && left.rank > 1, transposesRight: transposesRight)
        try geometry.validate()
        if let sparse = try request.kernel(leavingOutZerosOf: SparseProduct(geometry), edges) { return sparse }
        let kernel = try edges.withContraction(request) { try IntegerMatMulKernel(geometry, $0) }
        return Kernel(scratchByteCount: kernel.scratchByteCount) { operands in
            try kernel.run(
                left: operands.input(0), encoding: edges.runtimeEncoding(operands),
                residual: operands.optionalInput(QuantizedEdges.residualInput),
                target: operands.output(0), scratch: operands.scratch)
        }
    }
}
