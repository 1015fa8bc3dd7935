package import WinnowGraph
import WinnowTensor

/// x, or alpha·x below 0, of codes, requantized: x, scale, zero point, y scale, y zero point.
package struct QLinearLeakyRelu: Decomposition {
    package static let type = OperatorType("QLinearLeakyRelu", domain: "com.microsoft")
    package static let maximumInputCount = 5

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: 0], result: 3) }

    package var alpha: Float

    package init(alpha: Float = 0.01) { self.alpha = alpha }

    package init(attributes: Attributes, version: Int) throws {
        self.init(alpha: try attributes.float("alpha", default: 0.01))
    }

    package var attributes: Attributes { ["alpha": .float(alpha)] }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        [try b.quantized(b.add(LeakyRelu(alpha: alpha), b.dequantized(inputs, 0)), inputs, 3)]
    }
}
