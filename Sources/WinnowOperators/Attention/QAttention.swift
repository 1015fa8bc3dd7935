package import WinnowGraph
import WinnowTensor

/// ONNX Runtime's Attention of codes.
///
/// Inputs: x (N, length, width) and weights (width, Q + K + V) as codes, bias, scale of x, scale(s) of the weights, mask, zero
/// point of x, zero point(s) of the weights, past keys and values. Outputs: those of Attention.
package struct QAttention: Decomposition {
    package static let type = OperatorType("QAttention", domain: "com.microsoft")
    package static let maximumInputCount = 9

    private let attention: ContributedAttention

    package init(heads: Int) { attention = ContributedAttention(heads: heads) }

    package init(attributes: Attributes, version: Int) throws {
        attention = try ContributedAttention(attributes: attributes, version: version)
    }

    package var attributes: Attributes { attention.attributes }
    package var inputRoles: [Int: OperandRole] { [3: .scale, 4: .scale, 6: .zeroPoint(of: 0, axis: -1), 7: .zeroPoint(of: 1, axis: -1)] }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        var numbers = inputs
        numbers[0]?.type.elementType = try inputs.required(2).elementType
        return try attention.undeterminedOutputs(for: numbers)
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try b.dequantized([inputs.present(0), inputs.present(3), inputs.present(6)], 0)
        let weights = try b.dequantized([inputs.present(1), inputs.present(4), inputs.present(7)], 0, axis: -1)
        return try attention.decompose(b, [x, weights, inputs.present(2), inputs.present(5), inputs.present(8)])
    }
}
