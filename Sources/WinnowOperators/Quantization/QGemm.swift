package import WinnowGraph
import WinnowTensor

/// alpha · A′ B′ + C of codes; C is int32 under alpha · scale A · scale B. Without an output scale the result is float32.
///
/// Inputs: A, scale, zero point, B, scale(s), zero point(s), C, y scale, y zero point.
package struct QGemm: Decomposition {
    package static let type = OperatorType("QGemm", domain: "com.microsoft")
    package static let maximumInputCount = 9

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: 0, 3: gemm.transposesRight ? 0 : 1], result: 7).merging([6: .numbers]) { $1 } }

    package var gemm: Gemm

    package init(_ gemm: Gemm = Gemm()) { self.gemm = gemm }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try Gemm(attributes: attributes, version: version))
    }

    package var attributes: Attributes { gemm.attributes }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(inputs.optional(7) == nil ? .float32 : try inputs.required(0).elementType, [.unknown, .unknown])]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let right = try b.dequantized(inputs, 3, axis: gemm.transposesRight ? 0 : 1)
        var operands: [ValueName?] = [try b.dequantized(inputs, 0), right]
        if let term = inputs.present(6) {
            operands.append(try b.dequantizedBias(term, inputs, scales: (1, 4), factor: gemm.alpha))
        }
        let y = try b.add(gemm, inputs: operands)[0]
        return [inputs.present(7) == nil ? y : try b.quantized(y, inputs, 7)]
    }
}
