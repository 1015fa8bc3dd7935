package import WinnowGraph
import WinnowTensor

/// A float32 product in which A is quantized by its own range at each run: A, B codes, B scale(s), B zero point(s), bias.
package struct DynamicQuantizeMatMul: Decomposition, AttributeFree {
    package static let type = OperatorType("DynamicQuantizeMatMul", domain: "com.microsoft")
    package static let maximumInputCount = 5

    package var inputRoles: [Int: OperandRole] { [2: .scale, 3: .zeroPoint(of: 1, axis: -1)] }

    package init() {}

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        guard let left = inputs.present(0), let right = inputs.present(1), let scale = inputs.present(2) else {
            throw WinnowError(.model, "inputs", "are missing")
        }
        let codes = try b.add(DynamicQuantizeLinear(), inputs: [left], outputs: 3)
        let sums = try b.add(MatMulInteger(), codes[0], right, codes[2], inputs.present(3))
        let product = try b.multiply(b.add(Cast(to: .float32), sums), b.multiply(codes[1], scale))
        return [try inputs.present(4).map { try b.add(product, $0) } ?? product]
    }
}
