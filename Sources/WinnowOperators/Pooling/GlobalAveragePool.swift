package import WinnowGraph
package import WinnowKernels

/// The mean over all spatial axes.
package struct GlobalAveragePool: GlobalPooling {
    package static let type = OperatorType("GlobalAveragePool")
    package static let maximumInputCount = 1

    package init() {}

    package var quantization: QuantizationRule { .sharesScale }
    package var passesFactors: Bool { true }
    package var passesShifts: Bool { true }
    package var kind: PoolingKind { .average(countsPads: false) }

    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        graph.probabilities(of: node.input(0)).flatMap { !$0.areLogarithms && $0.axes == 1..<2 ? Probabilities(nil, along: 1..<2) : nil }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let shape = try context.builder.shape(of: context.input(0))
        return [try context.builder.add(AveragePoolGradient(pooling: nil), context.outputGradient(), shape)]
    }
}

extension GraphBuilder {
    package func globalAveragePool(_ x: ValueName, name: String? = nil) throws -> ValueName {
        try add(GlobalAveragePool(), inputs: [x], name: name)[0]
    }
}
