import WinnowGraph
import WinnowKernels
import WinnowTensor

/// How many channels each group loses.
struct ChannelCut {
    /// Of each group, within the limits of widths.
    let counts: [Int]
    /// The cost of the whole model before and after, where the budget counts it.
    let finding: Finding?
    /// Why groups lose nothing that were to lose something, by their places.
    let limits: [Int: String]

    /// What `sparsity` and the budget of a pass ask for.
    init(_ pass: StructuredPruning, _ candidates: ChannelCandidates, in context: PassContext) throws {
        let ranked = candidates.ranked
        let ruled = ranked.map { group in pass.limits.ruled(group.names).map { Budget.count($0, of: group.scores.count) } }
        let order = ChannelOrder(
            try zip(pass.keys(of: candidates), ruled).map { keys, ruled in ruled == nil ? keys : [] })
        try self.init(pass, candidates, order, ruled, in: context)
    }

    /// What the budget of a pass asks for if channels go in an order; groups that are not in it lose what is `ruled`.
    init(
        _ pass: StructuredPruning, _ candidates: ChannelCandidates, _ order: ChannelOrder, _ ruled: [Int?],
        in context: PassContext
    ) throws {
        func limited(_ counts: [Int]) -> [Int] {
            candidates.ranked.indices.map { pass.limited(ruled[$0] ?? counts[$0], of: candidates.ranked[$0].scores.count) }
        }
        func reasons(against counts: [Int]) -> [Int: String] {
            let found = candidates.ranked.indices.compactMap { index in
                pass.limit(of: ruled[index] ?? counts[index], of: candidates.ranked[index].scores.count).map { (index, $0) }
            }
            return Dictionary(uniqueKeysWithValues: found)
        }
        guard let cost = pass.limits.cost, pass.limits.maxLoss == nil || pass.limits.sensitivity == nil else {
            let wanted = pass.counts(candidates, order)
            (counts, limits, finding) = (limited(wanted), reasons(against: wanted), nil)
            return
        }
        let budget = CostBudget(cost: cost, share: 1 - pass.sparsity)
        let cut = try budget.cut(order, of: candidates.graph, rest: "channels that stay", in: context) { length in
            try candidates.graph(without: candidates.lowest(limited(order.counts(first: length))))
        }
        let wanted = order.counts(first: cut.length)
        (counts, limits, finding) = (limited(wanted), reasons(against: wanted), cut.finding)
    }
}

extension StructuredPruning {
    /// For each group what orders its channels, from the lowest.
    fileprivate func keys(of candidates: ChannelCandidates) throws -> [[Double]] {
        let ranked = candidates.ranked
        if let path = limits.sensitivity {
            let table = try SensitivityTable(reading: path)
            return ranked.map { group in
                (1...group.scores.count).map { table.loss(Double($0) / Double(group.scores.count), of: group.names) }
            }
        }
        if scope == .isomorphic, limits.budget != .threshold { return isomorphicKeys(of: candidates) }
        return ranked.map { group in
            guard limits.budget != .threshold else { return group.scores.map(Double.init).sorted() }
            switch scope {
            case .group, .isomorphic: return group.scores.indices.map { (Double($0) + 0.5) / Double(group.scores.count) }
            case .global: return ranking.normalized(group.scores).map(Double.init).sorted()
            case .absolute: return group.scores.map(Double.init).sorted()
            }
        }
    }

    /// The place of each channel among all of groups of one structure, as a part of them.
    private func isomorphicKeys(of candidates: ChannelCandidates) -> [[Double]] {
        var keys = candidates.ranked.map { _ in [Double]() }
        for pool in candidates.pools {
            let all = pool.flatMap { index in ranking.normalized(candidates.ranked[index].scores).map { (index, $0) } }
            let order = all.indices.sorted { all[$0].1 != all[$1].1 ? all[$0].1 < all[$1].1 : $0 < $1 }
            for (place, index) in order.enumerated() { keys[all[index].0].append((Double(place) + 0.5) / Double(all.count)) }
        }
        return keys
    }

    /// How many channels of each group go where no cost of the whole model is counted.
    fileprivate func counts(_ candidates: ChannelCandidates, _ order: ChannelOrder) -> [Int] {
        let ranked = candidates.ranked
        if limits.sensitivity != nil, let bound = limits.maxLoss { return order.counts(first: order.length(upTo: bound)) }
        switch limits.budget {
        case .threshold: return order.counts(first: order.length(upTo: limits.threshold.rounded(to: .float32)))
        case .energy: return ranked.map { $0.scores.lowestCount(holding: limits.energy) }
        case .optimalThresholding: return ranked.map { $0.scores.optimallyThresholdedCount(holding: limits.energy) }
        default: break
        }
        switch scope {
        case .group where limits.sensitivity == nil: return ranked.map { Budget.count(sparsity, of: $0.scores.count) }
        case .isomorphic where limits.sensitivity == nil:
            return candidates.pools.reduce(into: ranked.map { _ in 0 }) { counts, pool in
                let all = pool.flatMap { index in ranking.normalized(ranked[index].scores).map { (index, $0) } }
                for place in all.map(\.1).lowest(Budget.count(sparsity, of: all.count)) { counts[all[place].0] += 1 }
            }
        case .absolute:
            // ⌊kept⌋ stay, and none of those with the score of the last that goes, as in EasyPruner's `Ratio`.
            let kept = Int(((1 - sparsity) * Double(order.count) + 1e-9).rounded(.down))
            return order.counts(first: order.lengthWithTies(order.count - kept))
        default: return order.counts(first: Budget.count(sparsity, of: order.channelCount))
        }
    }

    /// How many of `all` channels go if `count` should: what is left is a multiple of `round-to`, and as many as must be left.
    fileprivate func limited(_ count: Int, of all: Int) -> Int {
        let left = max(1, minimumChannels, all - min(count, most(of: all)))
        return all - min(all, count == 0 ? all : (left + multiple - 1) / multiple * multiple)
    }

    /// What channels left are a multiple of.
    private var multiple: Int { roundTo == 0 ? KernelWidth.channels : roundTo }

    /// How many of `all` channels `largest` lets go.
    private func most(of all: Int) -> Int { Int((Double(all) * largest + 1e-9).rounded(.down)) }

    /// Why none of `all` channels goes if `count` should; nil: some go, or none should.
    fileprivate func limit(of count: Int, of all: Int) -> String? {
        guard count > 0, limited(count, of: all) == 0 else { return nil }
        if most(of: all) == 0 { return "largest \(largest.shortText) of its \(all) channels is none" }
        if max(1, minimumChannels) >= all { return "minimum-channels \(minimumChannels) leaves all of its \(all) channels" }
        return "round-to \(multiple) leaves all of its \(all) channels"
    }
}

extension [Float] {
    /// How many of the lowest hold at most `fraction` of Σx².
    func lowestCount(holding fraction: Double) -> Int {
        let squares = map { Double($0) * Double($0) }.sorted()
        let limit = fraction * squares.reduce(0, +)
        var sum = 0.0
        return squares.firstIndex { square in
            sum += square
            return sum > limit
        } ?? count
    }

    /// The same, cut midway to the next: none where the largest is below 20 times the smallest, all where it is below 0.001 (Optimal
    /// Thresholding; Ye et al. 2020, as EasyPruner's `OT` has it).
    func optimallyThresholdedCount(holding fraction: Double) -> Int {
        let sorted = map { Swift.max($0, 1e-18) }.sorted()
        guard let least = sorted.first.map(Double.init), let most = sorted.last.map(Double.init), most >= 1e-3 else { return count }
        guard most >= 20 * least else { return 0 }
        let place = Swift.min(sorted.lowestCount(holding: fraction), count - 1)
        guard place > 0 else { return 0 }
        let threshold = (Double(sorted[place - 1]) + Double(sorted[place])) / 2
        return self.count { Double($0) <= threshold }
    }
}
