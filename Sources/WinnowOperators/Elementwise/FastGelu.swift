package import WinnowGraph

/// Gelu through tanh of x, plus a bias where there is one.
package struct FastGelu: Decomposition, AttributeFree {
    package static let type = OperatorType("FastGelu", domain: "com.microsoft")
    package static let maximumInputCount = 2

    package init() {}

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        return [try b.add(Gelu(usesTanh: true), inputs.present(1).map { try b.add(x, $0) } ?? x)]
    }
}
