package import WinnowGraph
import WinnowTensor

/// A convolution of codes with a requantized result.
///
/// Inputs: x, scale, zero point, w, scale(s), zero point(s), y scale, y zero point, int32 bias.
package struct QLinearConv: Decomposition {
    package static let type = OperatorType("QLinearConv")
    package static let maximumInputCount = 9

    package var inputRoles: [Int: OperandRole] { [Int: OperandRole](codes: [0: 1, 3: 0], result: 6).merging([8: .numbers]) { $1 } }

    package var convolution: Conv

    package init(_ convolution: Conv = Conv()) { self.convolution = convolution }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try Conv(attributes: attributes, version: version))
    }

    package var attributes: Attributes { convolution.attributes }
    package var minimumVersion: Int { 10 }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var operands: [ValueName?] = [try b.dequantized(inputs, 0), try b.dequantized(inputs, 3, axis: 0)]
        if let bias = inputs.present(8) { operands.append(try b.dequantizedBias(bias, inputs, scales: (1, 4))) }
        return [try b.quantized(b.add(convolution, inputs: operands)[0], inputs, 6)]
    }
}

extension Conv: ComputableOnCodes {
    package var onCodes: any Operator { QLinearConv(self) }
}
