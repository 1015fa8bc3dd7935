package import WinnowGraph
import WinnowTensor

/// Attention of projected queries to keys and values, as ONNX Runtime's optimizers write it.
///
/// Inputs: Q (N, length, width), K and V as (N, keys, width) or (N, heads, keys, size), biases of all three (Q + K + V), mask,
/// what is added to the scores, past keys and values (N, heads, past, size). Outputs: Y (N, length, width), keys and values with
/// the past, the scores after the softmax.
package struct MultiHeadAttention: Decomposition {
    package static let type = OperatorType("MultiHeadAttention", domain: "com.microsoft")
    package static let maximumInputCount = 8
    package static let maximumOutputCount = 4

    package var heads: Int
    /// nil is 1 / √size.
    package var scale: Float?
    let mask: HeadMask

    package init(heads: Int, scale: Float? = nil, isCausal: Bool = false) {
        (self.heads, self.scale) = (heads, scale)
        mask = HeadMask(isCausal: isCausal)
    }

    package init(attributes: Attributes, version: Int) throws {
        heads = try attributes.int("num_heads", default: 0)
        scale = try attributes.float("scale").flatMap { $0 == 0 ? nil : $0 }
        mask = try HeadMask(attributes)
    }

    package var attributes: Attributes {
        var attributes = mask.attributes
        attributes["num_heads"] = .int(heads)
        if let scale { attributes["scale"] = .float(scale) }
        return attributes
    }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let query = try inputs.required(0)
        let value = inputs.optional(2)?.extents
        let width: Extent? = value?.count == 3 ? value?[2] : value?.last?.value.map { .fixed($0 *| heads) }
        let open = ValueInfo(query.elementType, [Extent](repeating: .unknown, count: 4))
        return [ValueInfo(query.elementType, query.extents.map { Array($0.prefix(2)) + [width ?? .unknown] }), open, open, open]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        guard let key = inputs.present(1), let value = inputs.present(2), try b.rank(of: inputs.required(0)) == 3 else {
            throw WinnowError(.unsupported, "queries", "are packed with keys and values", remedy: "export them apart")
        }
        var operands = [try inputs.required(0), key, value]
        if let bias = inputs.present(3) {
            var start = 0
            for (index, operand) in operands.enumerated() where try b.rank(of: operand) == 3 {
                let width = try b.extent(2, of: operand)
                operands[index] = try b.add(operand, b.sliced(bias, axis: 0, start..<(start + width)))
                start += width
            }
        }
        operands = try operands.map { try b.split($0, heads: heads) }
        let past = [inputs.present(6), inputs.present(7)]
        let bias = try mask.bias(
            b, query: operands[0], keyCount: b.extent(2, of: operands[1]) + (past[0].map { try b.extent(2, of: $0) } ?? 0),
            mask: inputs.present(4), added: inputs.present(5))
        let results = try b.add(Attention(scale: scale, scoresMode: 3), inputs: operands + [bias] + past, outputs: 4)
        return [try b.joined(results[0])] + results[1...]
    }
}
