package import WinnowGraph
package import WinnowKernels

/// aᵇ
package struct Pow: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Pow")

    package init() {}

    package var function: BinaryFunction { .power }
    package var minimumVersion: Int { 7 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, z) = (try context.input(0), try context.input(1))
        let y = try context.output(0)
        let g = try context.outputGradient()
        let one = b.scalar(1, like: z)
        return [
            try context.summed(to: 0, b.multiply(g, b.multiply(z, b.add(Pow(), x, b.subtract(z, one))))),
            try context.summed(to: 1, b.multiply(g, b.multiply(y, b.add(Log(), x)))),
        ]
    }
}
