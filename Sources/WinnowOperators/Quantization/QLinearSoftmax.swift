package import WinnowGraph
import WinnowTensor

/// Softmax of codes, requantized: x, scale, zero point, y scale, y zero point.
package struct QLinearSoftmax: Decomposition {
    package static let type = OperatorType("QLinearSoftmax", domain: "com.microsoft")
    package static let maximumInputCount = 5

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: 0], result: 3) }

    package var axis: Int
    /// The operator-set version whose Softmax it is: below 13 over all axes from `axis` on together.
    package var version: Int

    package init(axis: Int = -1, version: Int = 13) {
        self.axis = axis
        self.version = version
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(axis: try attributes.int("axis", default: -1), version: try attributes.int("opset", default: 13))
    }

    package var attributes: Attributes { ["axis": .int(axis), "opset": .int(version)] }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        [try b.quantized(b.add(Softmax(axis: axis, flattens: version < 13), b.dequantized(inputs, 0)), inputs, 3)]
    }
}
