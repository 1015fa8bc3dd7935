package import WinnowGraph
import WinnowTensor

/// The requantized product of codes: A, scale, zero point, B, scale, zero point, C scale, C zero point.
package struct QLinearMul: Decomposition, AttributeFree {
    package static let type = OperatorType("QLinearMul", domain: "com.microsoft")
    package static let maximumInputCount = 8

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: 0, 3: 0], result: 6) }

    package init() {}

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let result = try b.add(Mul(), b.dequantized(inputs, 0), b.dequantized(inputs, 3))
        return [try b.quantized(result, inputs, 6)]
    }
}
