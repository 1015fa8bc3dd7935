package import WinnowGraph
import WinnowTensor

/// The float32 product of codes: A, B, A scale, B scale(s), A zero point, B zero point(s), bias.
package struct MatMulIntegerToFloat: Decomposition, AttributeFree {
    package static let type = OperatorType("MatMulIntegerToFloat", domain: "com.microsoft")
    package static let maximumInputCount = 7

    package var inputRoles: [Int: OperandRole] { [2: .scale, 3: .scale, 4: .zeroPoint(of: 0, axis: -2), 5: .zeroPoint(of: 1, axis: -1)] }

    package init() {}

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { [ValueInfo(.float32, nil)] }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let left = try b.dequantized([inputs.present(0), inputs.present(2), inputs.present(4)], 0)
        let right = try b.dequantized([inputs.present(1), inputs.present(3), inputs.present(5)], 0, axis: -1)
        let product = try b.add(MatMul(), left, right)
        return [try inputs.present(6).map { try b.add(product, $0) } ?? product]
    }
}
