package import WinnowGraph
package import WinnowKernels

/// max(0, x)
package struct Relu: ElementwiseUnary, AttributeFree, ActivationOperator {
    package static let type = OperatorType("Relu")
    package static let maximumInputCount = 1

    package init() {}

    package var passesFactors: Bool { true }
    package var function: UnaryFunction { .relu }

    package func passing(of node: Node, in graph: GraphIndex) -> Passing? { .between(0...Double(Float.greatestFiniteMagnitude)) }
    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .relu }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [try b.add(ReluGradient(), g, y)]
    }
}

extension GraphBuilder {
    package func relu(_ x: ValueName, name: String? = nil) throws -> ValueName { try add(Relu(), inputs: [x], name: name)[0] }
}
