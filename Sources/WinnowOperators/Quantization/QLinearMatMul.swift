package import WinnowGraph
import WinnowTensor

/// A product of codes with a requantized result: a, scale, zero point, b, scale(s), zero point(s), y scale, y zero point.
package struct QLinearMatMul: Decomposition, AttributeFree {
    package static let type = OperatorType("QLinearMatMul")
    package static let maximumInputCount = 8

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: -2, 3: -1], result: 6) }

    package init() {}

    package var minimumVersion: Int { 10 }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let product = try b.add(MatMul(), b.dequantized(inputs, 0), b.dequantized(inputs, 3, axis: -1))
        return [try b.quantized(product, inputs, 6)]
    }
}

extension MatMul: ComputableOnCodes {
    package var onCodes: any Operator { QLinearMatMul() }
}
