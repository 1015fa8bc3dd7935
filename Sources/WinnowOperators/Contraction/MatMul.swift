package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The matrix product over the last two axes; the axes before them broadcast, and vectors count as a row or a column.
package struct MatMul: AttributeFree, ChannelContraction {
    package static let type = OperatorType("MatMul")
    package static let maximumInputCount = 2

    package init() {}

    package var quantization: QuantizationRule { .contraction }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { try MatrixProduct().outputs(for: inputs) }
    package func kernel(for request: KernelRequest) throws -> Kernel { try MatrixProduct().kernel(for: request) }
    package func axes(for inputs: [ValueInfo?]) -> AxisMap { MatrixProduct().axes(for: inputs) }
    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.effectOnProduct }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        try MatrixProduct().gradient(context)
    }

    package func channelAxes(of node: Node, in graph: GraphIndex) -> (filter: Int, output: Int)? {
        MatrixProduct().channelAxes(of: node, in: graph)
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try MatrixProduct().lowering(of: node, in: graph)
    }
}
