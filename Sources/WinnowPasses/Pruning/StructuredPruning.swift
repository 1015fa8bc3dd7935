package import WinnowGraph
import WinnowTensor

/// Removes whole channels, with everything that is coupled to them: the network becomes smaller and faster everywhere.
package struct StructuredPruning: Pass {
    package static let name = "structured-pruning"
    package static let summary = "removes the channels of smallest norm, with everything coupled to them"
    package static let guide = """
        Channels that share an axis are removed together: filters, biases, normalization parameters, the next layer's \
        inputs (also behind Flatten), both sides of a residual addition, depthwise filters. Which axes belong together \
        follows from the operators; where an operator does not tell, the channels stay and the report says so. Inputs and \
        outputs of the model keep their shapes. Follow with `finetune`.
        """

    package enum Importance: String, HyperparameterChoice, Codable { case l1, l2 }
    package enum Scope: String, HyperparameterChoice, Codable { case group, global }

    @Hyperparameter("fraction of the channels to remove", in: 0...1) package var sparsity = 0.5
    @Hyperparameter("norm of a channel's weights that ranks it") package var importance = Importance.l2
    @Hyperparameter("the same fraction of each group of channels, or the least important of all groups")
    package var scope = Scope.group
    @Hyperparameter("channels left are a multiple of this", in: 1...1024) package var roundTo = 1
    @Hyperparameter("channels left in every group at least", in: 1...1e6) package var minimumChannels = 1
    @Hyperparameter("remove the channels; otherwise set them to zero and keep all shapes") package var remove = true
    @Hyperparameter("globs of tensors or nodes whose output channels may go; empty: all") package var only: [String] =
        []
    @Hyperparameter("globs of tensors or nodes whose output channels stay") package var except: [String] = []

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let coupling = try CouplingGroups(graph)
        let selection = try Selection(only: only, except: except, in: graph)
        var ledger = WeightLedger(graph)
        var candidates: [RankedChannels] = []
        for group in coupling.groups {
            let sites = graph.weightSites.filter { site in
                site.outputAxis.map { coupling.group(of: site.tensor, axis: $0)?.id == group.id } ?? false
            }
            guard !sites.isEmpty else { continue }
            if let reason = sites.lazy.compactMap({ selection.reason(against: $0) }).first {
                for site in sites { ledger.keep(site.tensor, reason) }
            } else if let reason = group.protection {
                for site in sites { ledger.skip(site.tensor, reason) }
            } else {
                candidates.append(RankedChannels(group, sites, coupling, graph, importance))
            }
        }
        let chosen = choose(candidates)
        let removal = ChannelRemoval(graph, coupling)
        let result = try remove ? removal.removing(chosen) : removal.masking(chosen)
        report(candidates, chosen, from: graph, to: result, &ledger)
        return PassResult(graph: result, findings: ledger.findings { _ in "none of its channels was to be removed" })
    }

    /// The channels to remove, by group.
    private func choose(_ candidates: [RankedChannels]) -> [Int: Set<Int>] {
        var counts = candidates.map { MagnitudeCriterion.count(sparsity, of: $0.scores.count) }
        if scope == .global {
            let all = candidates.flatMap(\.normalizedScores)
            let total = MagnitudeCriterion.count(sparsity, of: all.count)
            let chosen = Set(MagnitudeCriterion.smallest(total, of: all, kept: all.map { _ in true }))
            var start = 0
            for (index, candidate) in candidates.enumerated() {
                counts[index] = (start..<(start + candidate.scores.count)).count { chosen.contains($0) }
                start += candidate.scores.count
            }
        }
        var result: [Int: Set<Int>] = [:]
        for (candidate, count) in zip(candidates, counts) {
            let all = candidate.scores.count
            let rounded = (all - count + roundTo - 1) / roundTo * roundTo
            let left = min(all, max(1, minimumChannels, count == 0 ? all : rounded))
            guard left < all else { continue }
            result[candidate.group.id] = Set(
                MagnitudeCriterion.smallest(
                    all - left, of: candidate.scores, kept: candidate.scores.map { _ in true }))
        }
        return result
    }

    private func report(
        _ candidates: [RankedChannels], _ chosen: [Int: Set<Int>], from old: Graph, to new: Graph,
        _ ledger: inout WeightLedger
    ) {
        for candidate in candidates {
            let count = candidate.scores.count
            let left = count - (chosen[candidate.group.id]?.count ?? 0)
            for site in candidate.sites where !ledger.has(site.tensor) {
                ledger.note(
                    Finding(
                        site.tensor, left < count ? .done : .kept, "output channels", before: Double(count),
                        after: Double(left),
                        reason: left < count ? "" : "nothing to remove at this sparsity"))
            }
        }
        for name in old.weightTensors where !ledger.has(name) {
            guard let before = old.initializers[name], let after = new.initializers[name], before != after else {
                continue
            }
            ledger.note(
                Finding(
                    name, .done, "elements", before: Double(before.elementCount), after: Double(after.elementCount),
                    reason: "coupled to removed channels"))
        }
    }
}

/// The channels of one group with the norm of the weights that make each.
private struct RankedChannels {
    let group: CouplingGroups.Group
    let sites: [WeightSite]
    let scores: [Float]

    init(
        _ group: CouplingGroups.Group, _ sites: [WeightSite], _ coupling: CouplingGroups, _ graph: Graph,
        _ importance: StructuredPruning.Importance
    ) {
        self.group = group
        self.sites = sites
        var sums = [Double](repeating: 0, count: group.channelCount)
        var seen: Set<ValueName> = []
        for site in sites where seen.insert(site.tensor).inserted {
            guard let axis = site.outputAxis, let weight = graph.initializers[site.tensor] else { continue }
            let values = weight.doubles()
            let inner = weight.shape[(axis + 1)...].reduce(1, *)
            // The channel of every place along the axis, also where it is composed of several.
            let channel = Self.channels(of: site, axis: axis, extent: weight.shape[axis], group, coupling)
            for (index, value) in values.enumerated() {
                guard let channel = channel[(index / inner) % weight.shape[axis]] else { continue }
                sums[channel] += importance == .l1 ? value.magnitude : value * value
            }
        }
        scores = sums.map { Float(importance == .l1 ? $0 : $0.squareRoot()) }
    }

    /// Scores divided by their mean, so that groups of different size compare.
    var normalizedScores: [Float] {
        let mean = scores.reduce(0, +) / Float(max(1, scores.count))
        return mean > 0 ? scores.map { $0 / mean } : scores
    }

    private static func channels(
        of site: WeightSite, axis: Int, extent: Int, _ group: CouplingGroups.Group, _ coupling: CouplingGroups
    ) -> [Int?] {
        if group.members.contains(.init(value: site.tensor, axis: axis)) { return Array(0..<extent) }
        var result = [Int?](repeating: nil, count: extent)
        for channel in 0..<group.channelCount {
            let places = coupling.removedPlaces(of: site.tensor, axis: axis, removing: [group.id: [channel]]) ?? []
            for place in places.indices where places[place] { result[place] = channel }
        }
        return result
    }
}
