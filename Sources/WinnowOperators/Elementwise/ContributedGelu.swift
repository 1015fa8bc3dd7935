package import WinnowGraph

/// Gelu as ONNX Runtime had it before ONNX did.
package struct ContributedGelu: Decomposition, AttributeFree {
    package static let type = OperatorType("Gelu", domain: "com.microsoft")
    package static let maximumInputCount = 1

    package init() {}

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        [try b.add(Gelu(), inputs.required(0))]
    }
}
