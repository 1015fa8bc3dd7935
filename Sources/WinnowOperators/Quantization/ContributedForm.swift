package import WinnowGraph

/// An operator of ONNX Runtime's own domain that is one of ONNX's but for what its codes may be; read as ONNX's.
package protocol ContributedForm: Decomposition {
    associatedtype Standard: ContributableOperator
    init(_ standard: Standard)
    var standard: Standard { get }
}

/// An operator of ONNX that ONNX Runtime's own domain has too.
package protocol ContributableOperator: Operator {
    var isContributed: Bool { get set }
}

extension ContributedForm {
    package static var maximumInputCount: Int { Standard.maximumInputCount }

    package init(attributes: Attributes, version: Int) throws { self.init(try Standard(attributes: attributes, version: version)) }

    package static func reading(_ attributes: Attributes, version: Int) throws -> any Operator {
        var op = try Standard(attributes: attributes, version: version)
        op.isContributed = true
        return op
    }

    package var attributes: Attributes { standard.attributes }
    package var inputRoles: [Int: OperandRole] { standard.inputRoles }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        try b.add(standard, inputs: inputs)
    }
}

extension QuantizeLinear: ContributableOperator {}
extension DequantizeLinear: ContributableOperator {}
