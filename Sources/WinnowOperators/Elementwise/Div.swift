package import WinnowGraph
package import WinnowKernels

/// a / b
package struct Div: ElementwiseBinary, AttributeFree, ChannelAffine {
    package static let type = OperatorType("Div")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .divide }
    package var minimumVersion: Int { 7 }
    package var neutralOperand: (value: Double, places: Set<Int>)? { (1, [1]) }
    package func vanishes(at indices: Set<Int>) -> Bool { indices == [0] }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let z = try context.input(1)
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [
            try context.summed(to: 0, b.divide(g, z)),
            try context.summed(to: 1, b.negate(b.divide(b.multiply(g, y), z))),
        ]
    }

    package func affine(of node: Node, on value: ValueName, axis: Int, in graph: GraphIndex) -> AxisAffine? {
        guard node.inputs[0] == value, let divisors = graph.channelConstant(besides: value, of: node, axis: axis),
            !divisors.contains(0)
        else { return nil }
        return AxisAffine(scale: divisors.map { 1 / $0 }, shift: divisors.map { _ in 0 })
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { graph.spelledActivation(endingIn: node) }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.trainedActivation(endingIn: node)
    }
}
