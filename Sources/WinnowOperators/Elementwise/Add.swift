package import WinnowGraph
package import WinnowKernels

/// a + b
package struct Add: ElementwiseBinary, AttributeFree, ChannelAffine {
    package static let type = OperatorType("Add")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .add }
    package var minimumVersion: Int { 7 }
    package var neutralOperand: (value: Double, places: Set<Int>)? { (0, [0, 1]) }
    package var quantization: QuantizationRule { .sharesScale }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let g = try context.outputGradient()
        return [try context.summed(to: 0, g), try context.summed(to: 1, g)]
    }

    /// Sums of probabilities are some again, and a millionth matters to none.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        graph.probabilities(of: node) { shift, _ in (0...1e-6).contains(shift) } ?? graph.probabilitiesOfSum(node)
    }

    package func affine(of node: Node, on value: ValueName, axis: Int, in graph: GraphIndex) -> AxisAffine? {
        graph.channelConstant(besides: value, of: node, axis: axis).map { AxisAffine(scale: $0.map { _ in 1 }, shift: $0) }
    }
}
