package import WinnowGraph
import WinnowTensor

/// σ(x) of codes, requantized: x, scale, zero point, y scale, y zero point.
package struct QLinearSigmoid: Decomposition, AttributeFree {
    package static let type = OperatorType("QLinearSigmoid", domain: "com.microsoft")
    package static let maximumInputCount = 5

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: 0], result: 3) }

    package init() {}

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        [try b.quantized(b.add(Sigmoid(), b.dequantized(inputs, 0)), inputs, 3)]
    }
}
