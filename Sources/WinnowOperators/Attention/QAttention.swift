package import WinnowGraph
import WinnowTensor

/// ONNX Runtime's Attention of codes.
///
/// Inputs: x (N, length, width) and weights (width, Q + K + V) as codes, bias, scale of x, scale(s) of the weights, mask, zero
/// point of x, zero point(s) of the weights, past keys and values. Outputs: those of Attention.
package struct QAttention: Decomposition {
    package static let type = OperatorType("QAttention", domain: "com.microsoft")
    package static let maximumInputCount = 9
    package static let maximumOutputCount = 2

    private var attention: ContributedAttention

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

extension QAttention: CodedOperator {
    package func floatForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let inputs = (0..<Self.maximumInputCount).map { node.input($0) }
        return try graph.inlining(node) { b in
            let x = try b.dequantized([inputs[0], inputs[3], inputs[6]], 0)
            let weights = try b.dequantized([inputs[1], inputs[4], inputs[7]], 0, axis: -1)
            let operands = [x, weights] + [2, 5, 8].map { inputs[$0] ?? "" }
            return try b.add(attention, inputs: operands.withoutMissingEnd, outputs: node.outputs.count)
        }
    }
}

/// The axes of `ContributedAttention`, with scales and zero points of the weights for each column or for all.
extension QAttention {
    /// Where each input of the attention of numbers is among these.
    private static let places = [0, 1, 2, 5, 8]

    private func numbers(_ inputs: [ValueInfo?]) -> [ValueInfo?] { Self.places.map { inputs.optional($0) } }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let map = attention.axes(for: numbers(inputs))
        guard !map.isOpaque else { return .opaque }
        var terms = inputs.map { info in [AxisTerm](repeating: .opaque, count: info?.rank ?? 0) }
        for (place, own) in zip(Self.places, map.inputs) where place < terms.count { terms[place] = own }
        for place in [4, 7] where inputs.optional(place)?.rank == 1 && inputs.optional(place)?.extents != [1] {
            terms[place] = Array(map.inputs[1].suffix(1))
        }
        var result = AxisMap(inputs: terms, outputs: map.outputs, extents: map.extents)
        result.summed = map.summed
        return result
    }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        guard let resized = attention.resized(extents, for: numbers(inputs)) as? ContributedAttention else { return nil }
        var result = self
        result.attention = resized
        return result
    }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        zeros.bearers.contains(1) && zeros.are(at: 1) && [2, 8].allSatisfy { zeros.areOrAbsent(at: $0) } ? .zero : .number
    }
}
