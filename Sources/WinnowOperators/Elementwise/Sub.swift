package import WinnowGraph
package import WinnowKernels

/// a − b
package struct Sub: ElementwiseBinary, AttributeFree, ChannelAffine {
    package static let type = OperatorType("Sub")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .subtract }
    package var minimumVersion: Int { 7 }
    package var neutralOperand: (value: Double, places: Set<Int>)? { (0, [1]) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let g = try context.outputGradient()
        return [try context.summed(to: 0, g), try context.summed(to: 1, b.negate(g))]
    }

    package func affine(of node: Node, on value: ValueName, axis: Int, in graph: GraphIndex) -> AxisAffine? {
        guard node.inputs[0] == value else { return nil }
        return graph.channelConstant(besides: value, of: node, axis: axis).map {
            AxisAffine(scale: $0.map { _ in 1 }, shift: $0.map { -$0 })
        }
    }
}
