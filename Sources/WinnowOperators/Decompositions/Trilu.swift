package import WinnowGraph
import WinnowTensor

/// The upper or lower triangle of matrices, zeros elsewhere; input 1 moves the diagonal upwards.
package struct Trilu: Decomposition {
    package static let type = OperatorType("Trilu")
    package static let maximumInputCount = 2

    package var keepsUpper: Bool

    package init(keepsUpper: Bool = true) { self.keepsUpper = keepsUpper }

    package init(attributes: Attributes, version: Int) throws {
        self.init(keepsUpper: try attributes.flag("upper", default: true))
    }

    package var attributes: Attributes { ["upper": .int(keepsUpper ? 1 : 0)] }
    package var minimumVersion: Int { 14 }
    package var quantization: QuantizationRule { .floatOnly }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).type)]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, rank >= 2 else { return .opaque }
        return .passing(inputs, except: [rank - 2, rank - 1])
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let x = try inputs.required(0)
        let rank = try b.rank(of: x)
        guard rank >= 2 else { throw WinnowError(.shape, "input", "must be a matrix, but has \(rank) axes") }
        let diagonal = try inputs.present(1).map { try b.knownIntegers(of: $0) }?.first ?? 0
        return [try b.add(Where(), triangle(b, x, rank: rank, diagonal), x, b.scalar(0, like: x))]
    }

    private func triangle(_ b: GraphBuilder, _ x: ValueName, rank: Int, _ diagonal: Int) throws -> ValueName {
        guard let rows = try b.length([rank - 2], of: x).number, let columns = try b.length([rank - 1], of: x).number else {
            let offset = try b.subtract(
                b.unsqueezed(b.counting(rank - 1, of: x), [0]), b.unsqueezed(b.counting(rank - 2, of: x), [1]))
            let bound = b.scalar(Double(diagonal), like: offset)
            return try keepsUpper ? b.add(GreaterOrEqual(), offset, bound) : b.add(LessOrEqual(), offset, bound)
        }
        return try b.table("triangle", [rows, columns], as: .bool) { index in
            let offset = index % columns - index / columns
            return (keepsUpper ? offset >= diagonal : offset <= diagonal) ? 1 : 0
        }
    }
}
