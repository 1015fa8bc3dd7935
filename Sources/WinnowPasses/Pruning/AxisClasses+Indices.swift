import WinnowTensor

/// Coupling index by index: where two ways of taking a class apart have no pieces in common (halves of an odd number of pairs), what
/// stands at one place is one channel all the same. The channels of all classes concerned are numbered anew in a pool, of which
/// each selects its own.
extension AxisClasses {
    /// Classes of more indices are not followed one by one.
    private static let largestCoupled = 1 << 20

    /// Makes the channels that two compositions of one class have at the same places one; of a product one factor keeps channels
    /// that may go. Whether something changed; nil where extents are not known.
    mutating func coupleIndices(_ a: Composed, _ b: Composed) -> Bool? {
        guard let extent = extent(of: a.whole) ?? extent(of: b.whole), extent <= Self.largestCoupled,
            let first = indices(a.kind, a.parts, extent), let second = indices(b.kind, b.parts, extent)
        else { return nil }
        var isChanged = false
        for factor in first.fixed + second.fixed where protection(of: factor) == nil {
            protect(factor, "it is taken apart in two ways")
            isChanged = true
        }
        guard first.channels != second.channels else { return isChanged }
        pool(zip(first.channels, second.channels))
        return true
    }

    /// The channel at each index of a class, and the factors of products that do not count.
    private typealias Indices = (channels: [Channel], fixed: [Int])

    private func indices(of id: Int, depth: Int) -> Indices? {
        guard depth < 16, let extent = extent(of: id), extent <= Self.largestCoupled else { return nil }
        guard let (kind, parts) = composition(of: id) else {
            let root = root(of: id)
            return ((0..<extent).map { Channel(id: root, index: $0) }, [])
        }
        return indices(kind, parts, extent, depth: depth + 1)
    }

    private func indices(_ kind: Composition, _ parts: [Int], _ extent: Int, depth: Int = 0) -> Indices? {
        switch kind {
        case .concatenation:
            let each = parts.compactMap { indices(of: $0, depth: depth) }
            let channels = each.flatMap(\.channels)
            return each.count == parts.count && channels.count == extent ? (channels, each.flatMap(\.fixed)) : nil
        case .selection(let selected):
            var known: [Int: Indices] = [:]
            for part in Set(parts) { known[part] = indices(of: part, depth: depth) }
            let channels = selected.compactMap { known[$0.id]?.channels[$0.index] }
            return channels.count == extent ? (channels, known.keys.sorted().flatMap { known[$0]?.fixed ?? [] }) : nil
        case .product:
            let extents = parts.compactMap { self.extent(of: $0) }
            guard extents.count == parts.count, extents.reduce(1, *|) == extent,
                let chosen = parts.indices.max(by: { rank(parts[$0]) < rank(parts[$1]) }), let own = indices(of: parts[chosen], depth: depth)
            else { return nil }
            let inner = extents[(chosen + 1)...].reduce(1, *)
            let others = parts.indices.filter { $0 != chosen && extents[$0] > 1 }.flatMap { leaves(of: parts[$0]) }
            return ((0..<extent).map { own.channels[$0 / inner % extents[chosen]] }, own.fixed + others)
        }
    }

    /// Which factor of a product loses channels: the largest that may.
    private func rank(_ factor: Int) -> Int { (protection(of: factor) == nil ? 1 << 40 : 0) + (extent(of: factor) ?? 0) }

    /// Has a class select these indices of another: both of a pool, so that one of them may be the other, or a part of it, all the same.
    mutating func select(_ id: Int, from source: Int, _ indices: [Int]) {
        guard let count = extent(of: source) else { return }
        guard indices != Array(0..<count) else { return unite(id, source) }
        let pool = add(extent: count)
        pools.insert(pool)
        compositions.append(Composed(whole: source, selecting: (0..<count).map { Channel(id: pool, index: $0) }))
        compositions.append(Composed(whole: id, selecting: indices.map { Channel(id: pool, index: $0) }))
    }

    /// Numbers the channels of the classes of these pairs anew, those of a pair as one, and has the classes select them.
    private mutating func pool(_ pairs: some Sequence<(Channel, Channel)>) {
        var partners: [Channel: [Channel]] = [:]
        for (a, b) in pairs where a != b {
            partners[a, default: []].append(b)
            partners[b, default: []].append(a)
        }
        let ids = Set(partners.keys.map(\.id)).sorted()
        var numbers: [Channel: Int] = [:]
        var count = 0
        for id in ids {
            for index in 0..<(extent(of: id) ?? 0) where numbers[Channel(id: id, index: index)] == nil {
                var open = [Channel(id: id, index: index)]
                while let next = open.popLast() {
                    guard numbers.updateValue(count, forKey: next) == nil else { continue }
                    open += partners[next] ?? []
                }
                count += 1
            }
        }
        let pool = add(extent: count)
        pools.insert(pool)
        select(numbers.mapValues { Channel(id: pool, index: $0) }, of: ids)
    }

    /// Has classes, and those that select from them, select these channels instead of their own.
    private mutating func select(_ channels: [Channel: Channel], of ids: [Int]) {
        for place in compositions.indices {
            guard case .selection(let selected) = compositions[place].kind else { continue }
            let moved = selected.map { channels[Channel(id: root(of: $0.id), index: $0.index)] ?? $0 }
            guard moved != selected else { continue }
            compositions[place] = Composed(whole: compositions[place].whole, selecting: moved)
        }
        for id in ids {
            let own = (0..<(extent(of: id) ?? 0)).compactMap { channels[Channel(id: id, index: $0)] }
            compositions.append(Composed(whole: id, selecting: own))
        }
    }

    /// Divides each pool into classes of channels that the same axes have, so that no axis loses more than its part, and what one of
    /// them keeps only these do. Whether there were any.
    mutating func dividePools() -> Bool {
        let whole = pools.filter { root(of: $0) == $0 && !isComposed($0) }.sorted()
        for pool in whole {
            var axes: [Set<Int>] = []
            for composition in compositions where !pools.contains(composition.whole) {
                guard case .selection(let selected) = composition.kind else { continue }
                let own = Set(selected.filter { root(of: $0.id) == pool }.map(\.index))
                if !own.isEmpty { axes.append(own) }
            }
            var channels: [Channel: Channel] = [:]
            for piece in Self.pieces(of: extent(of: pool) ?? 0, axes) {
                let id = add(extent: piece.count)
                for (place, index) in piece.enumerated() { channels[Channel(id: pool, index: index)] = Channel(id: id, index: place) }
            }
            select(channels, of: [pool])
        }
        return !whole.isEmpty
    }
}

extension AxisClasses {
    /// Channels that the same axes have; a single one together with another piece, so that one of them may go, where every axis keeps
    /// a piece of its own all the same.
    private static func pieces(of count: Int, _ axes: [Set<Int>]) -> [[Int]] {
        var pieces = Dictionary(grouping: 0..<count) { channel in axes.indices.filter { axes[$0].contains(channel) } }.values
            .sorted { $0[0] < $1[0] }
        var index = 0
        while index < pieces.count {
            let partners = [index + 1, index - 1].filter { pieces.indices.contains($0) && pieces[index].count == 1 }
            let merged = partners.lazy.map { partner -> [[Int]] in
                var result = pieces
                result[min(index, partner)] = (pieces[index] + pieces[partner]).sorted()
                result.remove(at: max(index, partner))
                return result
            }
            let before = pieces
            // An axis without a piece of its own has none now either, or one of a single channel that stays.
            if let better = merged.first(where: { candidate in
                axes.allSatisfy { axis in
                    candidate.contains { axis.isSuperset(of: $0) } || !before.contains { axis.isSuperset(of: $0) }
                }
            }) {
                pieces = better
            } else {
                index += 1
            }
        }
        return pieces
    }
}

extension AxisClasses.Composed {
    fileprivate init(whole: Int, selecting channels: [AxisClasses.Channel]) {
        self.init(whole: whole, kind: .selection(channels), parts: Set(channels.map(\.id)).sorted())
    }
}
