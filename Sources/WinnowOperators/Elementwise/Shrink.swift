package import WinnowGraph
package import WinnowKernels

/// x + bias below −lambd, x − bias above lambd, 0 between.
package struct Shrink: ElementwiseUnary {
    package static let type = OperatorType("Shrink")
    package static let maximumInputCount = 1

    package var bias: Float
    package var lambd: Float

    package init(bias: Float = 0, lambd: Float = 0.5) {
        self.bias = bias
        self.lambd = lambd
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(bias: try attributes.float("bias", default: 0), lambd: try attributes.float("lambd", default: 0.5))
    }

    package var attributes: Attributes { ["bias": .float(bias), "lambd": .float(lambd)] }
    package var minimumVersion: Int { 9 }
    package var function: UnaryFunction { .shrink(lambd: lambd, bias: bias) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, g) = (try context.input(0), try context.outputGradient())
        let isFar = try b.add(Greater(), b.add(Abs(), x), b.scalar(Double(lambd), like: x))
        return [try b.add(Where(), isFar, g, b.scalar(0, like: x))]
    }
}
