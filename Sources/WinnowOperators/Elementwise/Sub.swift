package import WinnowGraph
package import WinnowKernels

/// a − b
package struct Sub: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Sub")

    package init() {}

    package var function: BinaryFunction { .subtract }
    package var minimumVersion: Int { 7 }
    package var quantization: QuantizationRule { .sharesScale }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let g = try context.outputGradient()
        return [try context.summed(to: 0, g), try context.summed(to: 1, b.negate(g))]
    }
}
