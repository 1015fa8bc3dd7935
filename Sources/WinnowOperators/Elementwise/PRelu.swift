package import WinnowGraph
package import WinnowKernels

/// x < 0 ? slope · x : x
package struct PRelu: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("PRelu")
    package static let maximumInputCount = 2

    package init() {}

    /// Before operator set 7 a list of slopes was one for each channel.
    package static func reading(_ attributes: Attributes, version: Int) throws -> any Operator {
        version < 7 ? AlignedOperands(PRelu(), axis: 1, isWritten: false) : PRelu()
    }

    package var function: BinaryFunction { .parametricRelu }
    package var passesFactors: Bool { true }
    package var minimumVersion: Int { 7 }
    package func vanishes(at indices: Set<Int>) -> Bool { indices == [0] }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, z) = (try context.input(0), try context.input(1))
        let g = try context.outputGradient()
        let isNegative = try b.add(Less(), x, b.scalar(0, like: x))
        let zero = b.scalar(0, like: x)
        return [
            try context.summed(to: 0, b.add(Where(), isNegative, b.multiply(g, z), g)),
            try context.summed(to: 1, b.add(Where(), isNegative, b.multiply(g, x), zero)),
        ]
    }
}
