package import WinnowGraph
import WinnowTensor

/// alpha · A′ B′ over the last two axes, A′ and B′ transposed if asked.
package struct FusedMatMul: Operator {
    package static let type = OperatorType("FusedMatMul", domain: "com.microsoft")
    package static let maximumInputCount = 2

    package var product: MatrixProduct

    package init(_ product: MatrixProduct) { self.product = product }

    package init(attributes: Attributes, version: Int) throws {
        guard try !attributes.flag("transBatchA", default: false), try !attributes.flag("transBatchB", default: false) else {
            throw WinnowError(.unsupported, "transBatchA, transBatchB", "transposed batch axes are not supported")
        }
        self.init(try MatrixProduct(attributes: attributes, version: version))
    }

    package var attributes: Attributes { product.attributes }
    package var quantization: QuantizationRule { .contraction }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { try product.outputs(for: inputs) }
    package func kernel(for request: KernelRequest) throws -> Kernel { try product.kernel(for: request) }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { product.axes(for: inputs) }
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { try product.gradient(context) }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try product.lowering(of: node, in: graph)
    }
}
