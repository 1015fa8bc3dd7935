package import WinnowGraph
package import WinnowKernels

/// x · max(0, min(1, x / 6 + 1/2))
package struct HardSwish: ElementwiseUnary, AttributeFree, ActivationOperator {
    package static let type = OperatorType("HardSwish")

    package init() {}

    package var function: UnaryFunction { .hardSwish }
    package var minimumVersion: Int { 14 }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .hardSwish }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        let low = try b.add(Less(), x, b.scalar(-3, like: x))
        let high = try b.add(Greater(), x, b.scalar(3, like: x))
        let middle = try b.multiply(g, b.add(b.multiply(x, by: 1.0 / 3), number: 0.5))
        return [try b.add(Where(), low, b.scalar(0, like: x), b.add(Where(), high, g, middle))]
    }
}
