package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// x · Φ(x) with the standard normal distribution's Φ, exact or by tanh.
package struct Gelu: ElementwiseUnary, ActivationOperator {
    package static let type = OperatorType("Gelu")
    package static let maximumInputCount = 1

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
        [try context.gradient(of: .gelu(usesTanh: usesTanh))]
    }
}
