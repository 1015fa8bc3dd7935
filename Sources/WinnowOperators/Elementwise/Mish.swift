package import WinnowGraph
package import WinnowKernels

/// x · tanh(ln(1 + eˣ))
package struct Mish: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Mish")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .mish }
    package var minimumVersion: Int { 18 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        let t = try b.add(Tanh(), b.add(Softplus(), x))
        let rest = try b.subtract(b.scalar(1, like: x), b.square(t))
        let slope = try b.add(t, b.multiply(b.multiply(x, b.add(Sigmoid(), x)), rest))
        return [try b.multiply(g, slope)]
    }
}
