package import WinnowGraph
import WinnowTensor

/// Attention of a sequence to itself with its projections, as ONNX Runtime's optimizers write it.
///
/// Inputs: x (N, length, width), weights (width, Q + K + V), bias (Q + K + V), mask, past keys and values
/// (2, N, heads, past, size), what is added to the scores. Outputs: Y (N, length, V), keys and values with the past.
package struct ContributedAttention: Decomposition {
    package static let type = OperatorType("Attention", domain: "com.microsoft")
    package static let maximumInputCount = 6
    package static let maximumOutputCount = 2

    package var heads: Int
    /// The widths of queries, keys and values; empty: a third of the weights each.
    package var widths: [Int]
    /// nil is 1 / √size.
    package var scale: Float?
    let mask: HeadMask
    private var hints = RuntimeHints()

    package init(heads: Int, widths: [Int] = [], scale: Float? = nil, isCausal: Bool = false) {
        (self.heads, self.widths, self.scale) = (heads, widths, scale)
        mask = HeadMask(isCausal: isCausal)
    }

    package init(attributes: Attributes, version: Int) throws {
        heads = try attributes.int("num_heads", default: 0)
        widths = try attributes.ints("qkv_hidden_sizes") ?? []
        scale = try attributes.float("scale").flatMap { $0 == 0 ? nil : $0 }
        mask = try HeadMask(attributes)
        for name in ["do_rotary", "past_present_share_buffer"] where try attributes.flag(name, default: false) {
            throw WinnowError(.unsupported, name, "is not supported")
        }
        hints = try RuntimeHints(attributes, "rotary_embedding_dim")
        guard widths.isEmpty || widths.count == 3 else { throw WinnowError(.model, "qkv_hidden_sizes", "are \(widths.count), not 3") }
    }

    package var attributes: Attributes {
        var attributes = mask.attributes
        attributes["num_heads"] = .int(heads)
        if !widths.isEmpty { attributes["qkv_hidden_sizes"] = .ints(widths) }
        if let scale { attributes["scale"] = .float(scale) }
        return hints.added(to: attributes)
    }

    package var quantization: QuantizationRule { .weights(channelAxes: [1: 1]) }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let x = try inputs.required(0)
        let columns = inputs.optional(1)?.extents?.last?.value
        let width = widths.last ?? columns.map { $0 / 3 }
        let extents = x.extents.map { Array($0.dropLast()) + [width.map { .fixed($0) } ?? .unknown] }
        return [ValueInfo(x.elementType, extents), ValueInfo(x.elementType, [2] + [Extent](repeating: .unknown, count: 4))]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, weights) = (try inputs.required(0), try inputs.required(1))
        let columns = try b.extent(1, of: weights)
        let widths = widths.isEmpty ? [Int](repeating: columns / 3, count: 3) : widths
        guard widths.reduce(0, +|) == columns, widths.allSatisfy({ $0 > 0 && heads > 0 && $0 % heads == 0 }) else {
            throw WinnowError(.shape, "weights", "of \(columns) columns are not those of \(heads) heads")
        }
        var product = try b.add(MatMul(), x, weights)
        if let bias = inputs.present(2) { product = try b.add(product, bias) }
        var start = 0
        let parts = try widths.map { width in
            defer { start += width }
            return try b.split(b.sliced(product, axis: 2, start..<(start + width)), heads: heads)
        }
        let past = try inputs.present(4).map { past in try (0..<2).map { try b.direction($0, of: past) } }
        let bias = try mask.bias(
            b, query: parts[0], keyCount: b.extent(1, of: x) + (past.map { try b.extent(2, of: $0[0]) } ?? 0),
            mask: inputs.present(3), added: inputs.present(5))
        let results = try b.add(Attention(scale: scale), inputs: [parts[0], parts[1], parts[2], bias, past?[0], past?[1]], outputs: 3)
        let output = try b.joined(results[0])
        // Keys and values of other sizes do not fit one array.
        guard widths[1] == widths[2] else { return [output] }
        return [output] + (try b.add(Concat(axis: 0), inputs: results[1...].map { try b.unsqueezed($0, [0]) }))
    }
}
