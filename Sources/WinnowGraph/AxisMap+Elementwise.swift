extension AxisMap {
    /// Labels, those of the usual notation first.
    package static let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        + (0x100..<0x240).compactMap { UnicodeScalar($0).map(Character.init) }

    /// `"abcd, -> abcd"`: a result of each element of input 0; what else is read shares no axis with it.
    package static func elementByElement(_ inputs: [ValueInfo?]) -> AxisMap {
        guard let first = inputs.first, let data = first else { return .opaque }
        var map = elementwise(inputs: [data], outputRank: data.rank)
        if !map.isOpaque { map.inputs += inputs.dropFirst().map { _ in [] } }
        return map
    }

    /// `"abcd, abcd -> abcd"`: elementwise work on operands of these ranks, aligned at the last axis. Extents of 1 where the
    /// output has more are broadcast. Without the output's rank only the last axis is known.
    package static func elementwise(inputs: [ValueInfo?], outputRank: Int?) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard outputRank ?? 0 <= letters.count else { return .opaque }
        let labels = letters[..<(outputRank ?? 1)].map { AxisTerm.label($0) }
        let extents = inputs.compactMap { $0?.extents }
        let hasUnknownRank = inputs.contains { $0 != nil && $0?.extents == nil }
        guard !hasUnknownRank || outputRank == nil else { return .opaque }
        let terms = inputs.map { input -> [AxisTerm]? in
            guard let input else { return [] }
            guard let own = input.extents else { return [.rest] + labels }
            let places = own.count - labels.count
            guard outputRank == nil || places <= 0 else { return nil }
            return own.indices.map { axis in
                let fromEnd = own.count - axis
                guard fromEnd <= labels.count else { return .opaque }
                let isBroadcast = own[axis] == .fixed(1) && (hasUnknownRank || extents.contains { other in
                    fromEnd <= other.count && other[other.count - fromEnd] != .fixed(1)
                })
                return isBroadcast ? .one : labels[labels.count - fromEnd]
            }
        }
        guard !terms.contains(where: { $0 == nil }) else { return .opaque }
        return AxisMap(inputs: terms.compactMap { $0 }, outputs: [outputRank == nil ? [.rest] + labels : labels])
    }
}
