package import WinnowGraph
package import WinnowKernels

/// The error function.
package struct Erf: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Erf")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .erf }
    package var minimumVersion: Int { 9 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        let slope = try b.add(Exp(), b.negate(b.square(x)))
        return [try b.multiply(g, b.multiply(slope, by: 1.1283791670955126))]
    }
}
