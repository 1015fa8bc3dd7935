package import WinnowGraph
import WinnowTensor

/// A cache with new entries written along `axis` from a place on that input 2 gives for each sample.
package struct TensorScatter: Decomposition {
    package static let type = OperatorType("TensorScatter")
    package static let maximumInputCount = 3

    package var axis: Int
    /// Whether entries beyond the end go on at the beginning.
    package var isCircular: Bool

    package init(axis: Int = -2, isCircular: Bool = false) {
        self.axis = axis
        self.isCircular = isCircular
    }

    package init(attributes: Attributes, version: Int) throws {
        let mode = try attributes.string("mode", default: "linear")
        guard mode == "linear" || mode == "circular" else { throw WinnowError(.model, "mode", "\(mode) is not known") }
        self.init(axis: try attributes.int("axis", default: -2), isCircular: mode == "circular")
    }

    package var attributes: Attributes { ["axis": .int(axis), "mode": .string(isCircular ? "circular" : "linear")] }
    package var minimumVersion: Int { 24 }
    package var quantization: QuantizationRule { .floatOnly }

    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).type)]
    }

    /// `"a.c, a.c, a -> a.c"`
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, inputs.optional(1)?.rank == rank, let axis = try? axis.normalizedAxis(rank: rank), axis > 0
        else { return .opaque }
        var map = AxisMap.passing(inputs, except: [axis])
        guard let terms = map.outputs.first else { return .opaque }
        map.inputs[1] = terms
        if inputs.optional(2) != nil { map.inputs[2] = [terms[0]] }
        return map
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) && zeros.are(at: 1) ? .zero : .number }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (cache, update) = (try inputs.required(0), try inputs.required(1))
        let rank = try b.rank(of: cache)
        let axis = try axis.normalizedAxis(rank: rank)
        guard axis > 0 else { throw WinnowError(.model, "axis", "is the axis of samples") }
        let steps = try b.counting(b.extent(axis, of: update))
        var places = try b.reshaped(steps, [-1] + [Int](repeating: 1, count: rank - 1 - axis))
        if let starts = inputs.present(2) {
            places = try b.add(places, b.reshaped(starts, [-1] + [Int](repeating: 1, count: rank - 1)))
            if isCircular { places = try b.add(Mod(), places, b.scalar(Double(b.extent(axis, of: cache)), like: places)) }
        }
        let wide = try b.add(Expand(), places, b.shape(of: update))
        return [try b.add(ScatterElements(axis: axis), cache, wide, update)]
    }
}
