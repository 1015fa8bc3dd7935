package import WinnowGraph

/// DequantizeLinear of ONNX Runtime's own domain, which knows codes of 16 bits at every operator set; read as ONNX's.
package struct ContributedDequantizeLinear: Decomposition {
    package static let type = OperatorType("DequantizeLinear", domain: "com.microsoft")
    package static let maximumInputCount = 3

    private let standard: DequantizeLinear

    package init(_ standard: DequantizeLinear = DequantizeLinear()) { self.standard = standard }

    package init(attributes: Attributes, version: Int) throws {
        standard = try DequantizeLinear(attributes: attributes, version: version)
    }

    package static func reading(_ attributes: Attributes, version: Int) throws -> any Operator {
        var op = try DequantizeLinear(attributes: attributes, version: version)
        op.isContributed = true
        return op
    }

    package var attributes: Attributes { standard.attributes }
    package var inputRoles: [Int: OperandRole] { standard.inputRoles }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        try b.add(standard, inputs: inputs)
    }
}
