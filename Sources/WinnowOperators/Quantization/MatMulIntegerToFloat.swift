package import WinnowGraph
import WinnowTensor

/// The float32 product of codes: A, B, A scale, B scale(s), A zero point, B zero point(s), bias.
package struct MatMulIntegerToFloat: Decomposition, AttributeFree {
    package static let type = OperatorType("MatMulIntegerToFloat", domain: "com.microsoft")
    package static let maximumInputCount = 7

    package init() {}

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let left = try b.dequantized([inputs.present(0), inputs.present(2), inputs.present(4)], 0)
        let right = try b.dequantized([inputs.present(1), inputs.present(3), inputs.present(5)], 0, axis: -1)
        let product = try b.add(MatMul(), left, right)
        return [try inputs.present(6).map { try b.add(product, $0) } ?? product]
    }
}
