package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// x · Φ(x) with the standard normal distribution's Φ, exact or by tanh.
package struct Gelu: ElementwiseUnary, ActivationOperator {
    package static let type = OperatorType("Gelu")

    package var usesTanh: Bool

    package init(usesTanh: Bool = false) { self.usesTanh = usesTanh }

    package init(attributes: Attributes, version: Int) throws {
        let name = try attributes.string("approximate", default: "none")
        guard name == "none" || name == "tanh" else {
            throw WinnowError(.model, "approximate", "\"\(name)\" is not known")
        }
        self.init(usesTanh: name == "tanh")
    }

    package var attributes: Attributes { usesTanh ? ["approximate": .string("tanh")] : [:] }
    package var minimumVersion: Int { 20 }
    package var function: UnaryFunction { usesTanh ? .geluTanh : .gelu }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .gelu(usesTanh: usesTanh) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, g) = (try context.input(0), try context.outputGradient())
        return [try b.multiply(g, usesTanh ? tanhSlope(b, x) : exactSlope(b, x))]
    }

    /// Φ(x) + x·φ(x)
    private func exactSlope(_ b: GraphBuilder, _ x: ValueName) throws -> ValueName {
        let distribution = try b.multiply(b.add(b.add(Erf(), b.multiply(x, by: 0.5.squareRoot())), number: 1), by: 0.5)
        let density = try b.multiply(b.add(Exp(), b.multiply(b.square(x), by: -0.5)), by: 0.3989422804014327)
        return try b.add(distribution, b.multiply(x, density))
    }

    /// ½(1 + t) + ½x(1 − t²)·u′ with t = tanh(u), u = √(2/π)(x + 0.044715x³)
    private func tanhSlope(_ b: GraphBuilder, _ x: ValueName) throws -> ValueName {
        let factor = (2 / Double.pi).squareRoot()
        let square = try b.square(x)
        let argument = try b.multiply(x, b.add(b.multiply(square, by: 0.044715 * factor), number: factor))
        let t = try b.add(Tanh(), argument)
        let slope = try b.add(b.multiply(square, by: 3 * 0.044715 * factor), number: factor)
        let rest = try b.multiply(x, b.multiply(b.subtract(b.scalar(1, like: x), b.square(t)), slope))
        return try b.multiply(b.add(b.add(t, number: 1), rest), by: 0.5)
    }
}
