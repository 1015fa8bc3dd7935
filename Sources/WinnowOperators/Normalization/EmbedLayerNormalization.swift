package import WinnowGraph
import WinnowTensor

/// LayerNormalization of word + position + segment embeddings, and how many words each mask keeps.
///
/// Inputs: words (N, length), segments, tables of words, positions and segments, scale, shift, mask (N, length), positions.
package struct EmbedLayerNormalization: Decomposition {
    package static let type = OperatorType("EmbedLayerNormalization", domain: "com.microsoft")
    package static let maximumInputCount = 9
    package static let maximumOutputCount = 3

    package var epsilon: Float

    package init(epsilon: Float = 1e-12) { self.epsilon = epsilon }

    package init(attributes: Attributes, version: Int) throws {
        self.init(epsilon: try attributes.float("epsilon", default: 1e-12))
        guard try attributes.int("mask_index_type", default: 0) == 0 || attributes.int("mask_index_type") == 1 else {
            throw WinnowError(.unsupported, "mask_index_type", "is not 0 or 1")
        }
    }

    package var attributes: Attributes { ["epsilon": .float(epsilon)] }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (words, table) = (try inputs.required(0), try inputs.required(2))
        let all = ValueInfo(table.elementType, (words.extents ?? [.unknown, .unknown]) + [table.extents?.last ?? .unknown])
        return [all, ValueInfo(.int32, [words.extents?.first ?? .unknown]), all]
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let words = try inputs.required(0)
        var sum = try b.add(Gather(), inputs.required(2), words)
        let positions = try inputs.present(8) ?? b.reshaped(b.counting(b.extent(1, of: words)), [1, -1])
        sum = try b.add(sum, b.add(Gather(), inputs.required(3), positions))
        if let segments = inputs.present(1) { sum = try b.add(sum, b.add(Gather(), inputs.required(4), segments)) }
        let normalized = try b.add(LayerNormalization(epsilon: epsilon), sum, inputs.required(5), inputs.required(6))
        let mask = try inputs.present(7) ?? b.multiply(words, by: 0)
        let count = try b.add(Cast(to: .int32), b.reduced(ReduceSum.self, mask, axes: [1], keepsAxes: false))
        return [normalized, try b.add(Identity(), count), try b.add(Identity(), sum)]
    }
}
