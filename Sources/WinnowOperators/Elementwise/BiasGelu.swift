package import WinnowGraph

/// Gelu of x + bias.
package struct BiasGelu: Decomposition, AttributeFree {
    package static let type = OperatorType("BiasGelu", domain: "com.microsoft")
    package static let maximumInputCount = 2

    package init() {}

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        [try b.add(Gelu(), b.add(inputs.required(0), inputs.required(1)))]
    }
}
