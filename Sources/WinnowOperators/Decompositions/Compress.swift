package import WinnowGraph
import WinnowTensor

/// The slices along `axis` (or the elements, without axis) for which the condition in input 1 is true.
package struct Compress: Decomposition {
    package static let type = OperatorType("Compress")
    package static let maximumInputCount = 2

    package var axis: Int?

    package init(axis: Int? = nil) { self.axis = axis }
    package init(attributes: Attributes, version: Int) throws { self.init(axis: try attributes.int("axis")) }

    package var attributes: Attributes { axis.map { ["axis": .int($0)] } ?? [:] }
    package var minimumVersion: Int { 9 }
    package var quantization: QuantizationRule { .keepsScale }

    /// How many are true depends on data.
    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let axis else { return [ValueInfo(data.elementType, [.unknown])] }
        guard var extents = data.extents else { return [ValueInfo(data.elementType, nil)] }
        extents[try axis.normalizedAxis(rank: extents.count)] = .unknown
        return [ValueInfo(data.elementType, extents)]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, let axis = try? axis?.normalizedAxis(rank: rank) else { return .opaque }
        return .passing(inputs, except: [axis])
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) ? .zero : .number }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        guard let condition = b.info(of: try inputs.required(1))?.constant else { throw UndeterminedShape() }
        let chosen = condition.doubles().enumerated().filter { $0.element != 0 }.map(\.offset)
        let x = try inputs.required(0)
        let source = axis == nil ? try b.reshaped(x, [-1]) : x
        return [try b.add(Gather(axis: axis ?? 0), source, b.integers(chosen))]
    }
}
