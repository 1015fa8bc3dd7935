package import WinnowGraph
import WinnowTensor

/// Its input, unchanged: a tensor, or between plans a list or an optional.
package struct Identity: AttributeFree, InterpretedOperator {
    package static let type = OperatorType("Identity")
    package static let maximumInputCount = 1

    package init() {}

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { .unchanged }
    package var quantization: QuantizationRule { .keepsScale }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [try inputs.required(0)] }
    package func isInterpreted(for inputs: [ValueInfo?]) -> Bool { inputs.optional(0).map { !$0.type.isTensor } ?? false }
    package func compute(_ inputs: [Datum?], run: (String, [Datum]) throws -> [Datum]) throws -> [Datum] { [inputs[0] ?? .nothing] }
    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }
    package func kernel(for request: KernelRequest) throws -> Kernel { .view }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .elementByElement(inputs) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { [try context.outputGradient()] }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { graph.removing(node) }
}

extension GraphIndex {
    /// An edit that lets readers of a node's only result read its first input, so that what is around it can fuse; nil where
    /// the result has a name that must stay.
    func removing(_ node: Node) -> GraphEdit? {
        guard let x = node.input(0), let y = node.output(0), !isOutput(y),
            node.outputs.dropFirst().allSatisfy({ $0.isEmpty || (consumers(of: $0).isEmpty && !isOutput($0)) })
        else { return nil }
        var edit = GraphEdit()
        edit.removedNodes = [node.name]
        edit.rewired = [y: x]
        return edit
    }
}
