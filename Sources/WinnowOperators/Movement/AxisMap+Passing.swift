import WinnowGraph
import WinnowTensor

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

    /// More indices of one axis than any model chooses among its channels.
    private static let largestSelection = 1 << 20

    /// These indices along an axis of a value, counted from its start; nil where one is none of its own, and for fewer than two: what is of
    /// extent 1 has no channels. Extents and other lists of numbers are followed one by one instead.
    static func chosen(_ indices: [Int]?, along axis: Int, of data: ValueInfo?) -> [Int]? {
        guard let indices, let data, data.rank ?? 0 > 1 || data.elementType.isFloatingPoint, let extent = data.extents?[axis].value,
            (2...largestSelection).contains(indices.count), extent <= largestSelection
        else { return nil }
        let places = indices.map { $0 < 0 ? $0 + extent : $0 }
        return places.allSatisfy((0..<extent).contains) ? places : nil
    }

    /// The axes of an operand of which nothing is said.
    static func untouched(_ info: ValueInfo?) -> [AxisTerm] {
        guard let info else { return [] }
        return info.rank.map { [AxisTerm](repeating: .opaque, count: $0) } ?? [.rest]
    }
}
