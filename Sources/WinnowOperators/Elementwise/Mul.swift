package import WinnowGraph
package import WinnowKernels

/// a · b
package struct Mul: ElementwiseBinary, AttributeFree, ChannelAffine {
    package static let type = OperatorType("Mul")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .multiply }
    package var minimumVersion: Int { 7 }
    package var neutralOperand: (value: Double, places: Set<Int>)? { (1, [0, 1]) }
    package func vanishes(at indices: Set<Int>) -> Bool { true }
    package var quantization: QuantizationRule { .sharesScale }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, z) = (try context.input(0), try context.input(1))
        let g = try context.outputGradient()
        return [try context.summed(to: 0, b.multiply(g, z)), try context.summed(to: 1, b.multiply(g, x))]
    }

    package func affine(of node: Node, on value: ValueName, axis: Int, in graph: GraphIndex) -> AxisAffine? {
        graph.channelConstant(besides: value, of: node, axis: axis).map { AxisAffine(scale: $0, shift: $0.map { _ in 0 }) }
    }

    /// Of probabilities in another unit.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        graph.probabilities(of: node) { factor, own in factor > 0 && factor.isFinite && !own.areLogarithms }
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { graph.spelledActivation(endingIn: node) }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.trainedActivation(endingIn: node)
    }
}
