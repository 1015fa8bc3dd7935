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
            // Divided where there are fewest numbers.
            try context.summed(to: 1, b.multiply(g, y)).map { try b.negate(b.divide($0, z)) },
        ]
    }

    package func affine(of node: Node, on value: ValueName, axis: Int, in graph: GraphIndex) -> AxisAffine? {
        guard node.inputs[0] == value, let divisors = graph.channelConstant(besides: value, of: node, axis: axis),
            !divisors.contains(0)
        else { return nil }
        return AxisAffine(scale: divisors.map { 1 / $0 }, shift: divisors.map { _ in 0 })
    }

    /// 1 / (1 + e⁻ˣ)
    package func sigmoid(of node: Node, in graph: GraphIndex) -> ValueName? {
        graph.constantNumber(node.input(0)) == 1 ? graph.sigmoidArgument(ofDenominator: node.input(1)) : nil
    }

    /// eˣ / Σ eˣ, as some exporters spell softmax, and probabilities in another unit.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        let scaled = graph.probabilities(of: node, at: [0]) { unit, own in unit > 0 && unit.isFinite && !own.areLogarithms }
        if let scaled { return scaled }
        guard let exponential = graph.producer(of: node.input(0)), exponential.op is Exp, let logits = exponential.input(0),
            let sum = graph.producer(of: node.input(1)), let reduction = sum.op as? ReduceSum, reduction.parameters.keepsAxes,
            sum.input(0) == node.input(0), let rank = graph.info(of: logits)?.rank,
            let axes = try? reduction.reducedAxes(sum.inputs.map { graph.info(of: $0) }, rank: rank), axes.count == 1
        else { return nil }
        return Probabilities(logits, along: axes[0]..<(axes[0] + 1))
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { graph.spelledActivation(endingIn: node) }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        graph.trainedActivation(endingIn: node)
    }
}
