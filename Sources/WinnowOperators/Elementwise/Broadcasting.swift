import WinnowGraph
import WinnowTensor

extension [ValueInfo?] {
    /// The extents all inputs broadcast to; nil if a rank is unknown.
    func broadcastExtents() throws -> [Extent]? {
        var result: [Extent] = []
        for input in self {
            guard let input else { continue }
            guard let extents = input.extents else { return nil }
            result = try Extent.broadcast(result, extents)
        }
        return result
    }

    /// One layout for all, if it means the same for every operand: equal ranks, or ranks that have no layout.
    var elementwiseLayouts: LayoutRule {
        let ranks = compactMap { $0 }.map(\.rank)
        guard !ranks.contains(nil), let highest = ranks.compactMap({ $0 }).max() else { return .rowMajor }
        return compactMap { $0 }.allSatisfy { $0.rank == highest || $0.isSameInAnyLayout(besideRank: highest) } ? .shared : .rowMajor
    }
}

extension Extent {
    static func broadcast(_ a: [Extent], _ b: [Extent]) throws -> [Extent] {
        let rank = Swift.max(a.count, b.count)
        return try (0..<rank).map { axis in
            let (i, j) = (axis - rank + a.count, axis - rank + b.count)
            guard i >= 0 else { return b[j] }
            guard j >= 0 else { return a[i] }
            return try a[i].broadcast(with: b[j])
        }
    }

    /// A name and a number above 1 give the number: the name can only be it or 1.
    private func broadcast(with other: Extent) throws -> Extent {
        if self == other || other == .fixed(1) { return self }
        switch (self, other) {
        case (.fixed(1), _): return other
        case (.fixed(let a), .fixed(let b)):
            throw WinnowError(.shape, "shapes", "do not broadcast: an axis is \(a) in one and \(b) in the other")
        case (.fixed, _): return self
        case (_, .fixed): return other
        default: return .unknown
        }
    }
}

extension GradientContext {
    /// `gradient` summed over the axes along which input `index` was broadcast; nil if it is not asked for.
    func summed(to index: Int, _ gradient: @autoclosure () throws -> ValueName) throws -> ValueName? {
        guard needs(index), let name = node.input(index) else { return nil }
        let gradient = try gradient()
        if let extents = info(of: name)?.extents, extents == info(of: gradient)?.extents, !extents.contains(.unknown) {
            return gradient
        }
        return try builder.add(SumToShape(), gradient, builder.shape(of: name))
    }
}

extension ValueInfo {
    /// Whether the memory of a value that is broadcast to a rank above its own is the same row-major and channels-last.
    fileprivate func isSameInAnyLayout(besideRank rank: Int) -> Bool {
        guard let extents, extents.count < 3 || extents.count(where: { $0 != .fixed(1) }) <= 1 else { return false }
        let axes = extents.indices.filter { extents[$0] != .fixed(1) }.map { $0 + rank - extents.count }
        return !axes.contains(1) || axes.allSatisfy { $0 <= 1 }
    }
}
