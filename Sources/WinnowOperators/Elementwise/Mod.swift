package import WinnowGraph
package import WinnowKernels

/// The remainder of a / b: with the sign of b, or of a if `truncates`.
package struct Mod: ElementwiseBinary {
    package static let type = OperatorType("Mod")
    package static let maximumInputCount = 2

    /// C's fmod rather than Python's %.
    package var truncates: Bool

    package init(truncates: Bool = false) { self.truncates = truncates }

    package init(attributes: Attributes, version: Int) throws {
        self.init(truncates: try attributes.flag("fmod", default: false))
    }

    package var attributes: Attributes { truncates ? ["fmod": .int(1)] : [:] }
    package var minimumVersion: Int { 10 }
    package var function: BinaryFunction { truncates ? .remainder : .modulo }

    /// 1 and minus the whole quotient (a − y) / b.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let (b, g, divisor) = (context.builder, try context.outputGradient(), try context.input(1))
        let quotient = try b.divide(b.subtract(context.input(0), context.output(0)), divisor)
        return [try context.summed(to: 0, g), try context.summed(to: 1, b.negate(b.multiply(g, quotient)))]
    }
}
