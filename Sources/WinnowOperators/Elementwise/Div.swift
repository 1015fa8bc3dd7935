package import WinnowGraph
package import WinnowKernels

/// a / b
package struct Div: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Div")

    package init() {}

    package var function: BinaryFunction { .divide }
    package var minimumVersion: Int { 7 }

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
}
