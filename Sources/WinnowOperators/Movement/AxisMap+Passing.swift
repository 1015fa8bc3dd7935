import WinnowGraph

extension AxisMap {
    /// `"ab.d, . -> ab.d"`: the axes of input 0 but for some pass index by index; what else is read shares none with it.
    static func passing(_ inputs: [ValueInfo?], except axes: Set<Int>) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count else { return .opaque }
        let terms = (0..<rank).map { axes.contains($0) ? AxisTerm.opaque : .label(letters[$0]) }
        return AxisMap(inputs: [terms] + inputs.dropFirst().map { untouched($0) }, outputs: [terms])
    }

    /// `"ab.d, abed -> abed"`, and with further inputs of the indices' shape: input 1 says for each of its elements which index along one axis
    /// of input 0 is meant. The indices' own places along that axis are e; axes that are not known to be equally long in both tell nothing.
    static func addressing(_ inputs: [ValueInfo?], along axis: Int) -> (data: [AxisTerm], places: [AxisTerm])? {
        guard let data = inputs.optional(0)?.extents, let places = inputs.optional(1)?.extents, data.count == places.count,
            data.count < letters.count, let axis = try? axis.normalizedAxis(rank: data.count)
        else { return nil }
        let terms = data.indices.map { index in
            index != axis && data[index] == places[index] && data[index] != .unknown ? AxisTerm.label(letters[index]) : .opaque
        }
        let own = terms.indices.map { $0 == axis ? AxisTerm.label(letters[data.count]) : terms[$0] }
        return (terms, own)
    }

    /// The axes of an operand of which nothing is said.
    static func untouched(_ info: ValueInfo?) -> [AxisTerm] {
        guard let info else { return [] }
        return info.rank.map { [AxisTerm](repeating: .opaque, count: $0) } ?? [.rest]
    }
}
