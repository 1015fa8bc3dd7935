package import WinnowGraph
import WinnowTensor

/// RotaryEmbedding as ONNX Runtime had it before ONNX did.
///
/// Inputs: x as (N, heads, length, size) or (N, length, heads · size), positions (N, length) or the first one (1), cosines and
/// sines (positions, half).
package struct ContributedRotaryEmbedding: Decomposition {
    package static let type = OperatorType("RotaryEmbedding", domain: "com.microsoft")
    package static let maximumInputCount = 4

    package var isInterleaved: Bool
    /// How many features of a head are turned; 0 is all.
    package var width: Int
    /// For values of three axes; 0: as many as heads of the tables' size fit.
    package var heads: Int
    private var hints = RuntimeHints()

    package init(isInterleaved: Bool = false, width: Int = 0, heads: Int = 0) {
        self.isInterleaved = isInterleaved
        self.width = width
        self.heads = heads
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            isInterleaved: try attributes.flag("interleaved", default: false),
            width: try attributes.int("rotary_embedding_dim", default: 0), heads: try attributes.int("num_heads", default: 0))
        guard try !attributes.flag("is_packed_batching", default: false), try attributes.float("scale", default: 1) == 1 else {
            throw WinnowError(.unsupported, "is_packed_batching, scale", "packed batches and scales are not supported")
        }
        hints = try RuntimeHints(attributes, "is_packed_batching")
    }

    package var attributes: Attributes {
        hints.added(to: ["interleaved": .int(isInterleaved ? 1 : 0), "rotary_embedding_dim": .int(width), "num_heads": .int(heads)])
    }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).type)]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (x, tables) = (try inputs.required(0), try (2..<4).map { try inputs.required($0) })
        let isFlat = try b.rank(of: x) == 3
        var positions = try inputs.required(1)
        if try b.rank(of: positions) == 1 {
            let steps = try b.reshaped(b.counting(b.extent(isFlat ? 1 : 2, of: x)), [1, -1])
            let rows = try b.add(steps, b.reshaped(positions, [1, 1]))
            positions = try b.add(Expand(), rows, b.integers([b.extent(0, of: x), 1], name: "shape"))
        }
        let heads = try isFlat && heads == 0 ? b.extent(2, of: x) / max(1, 2 * b.extent(1, of: tables[0])) : heads
        let op = RotaryEmbedding(isInterleaved: isInterleaved, width: width, heads: heads)
        return [try b.add(op, x, tables[0], tables[1], positions)]
    }
}
