import WinnowGraph

extension AxisMap {
    /// `"abc, c, c -> abc, ab1, ab1"`: the axes from one on are a population; scale and shift go along with them.
    static func normalization(from axis: Int, _ inputs: [ValueInfo?], statistics: Int = 0) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrst")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count, let axis = try? axis.normalizedAxis(rank: rank) else {
            return .opaque
        }
        let data = letters[..<rank].map { AxisTerm.label($0) }
        let parameters = inputs.dropFirst().map { info -> [AxisTerm] in
            guard let extents = info?.extents, extents.count <= rank else {
                return [AxisTerm](repeating: .opaque, count: info?.rank ?? 0)
            }
            return zip(extents, data.suffix(extents.count)).map { $0 == .fixed(1) ? .one : $1 }
        }
        let statistic = (0..<rank).map { $0 < axis ? data[$0] : .one }
        var map = AxisMap(inputs: [data] + parameters, outputs: [data] + [[AxisTerm]](repeating: statistic, count: statistics))
        map.population = Set(letters[axis..<rank])
        return map
    }
}
