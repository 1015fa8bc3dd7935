import WinnowGraph
import WinnowTensor

/// The channels of a graph that a pass may scale, and a word on every weight.
struct ChannelsBetweenLayers {
    private let graph: Graph
    let chosen: [ScalableChannels]
    private var ledger: WeightLedger

    init(_ graph: Graph, _ clips: ClipChoice, _ selection: Selection) {
        self.graph = graph
        ledger = WeightLedger(graph)
        let targets = WeightTargets(graph, selection) { _ in nil }
        let free = Set(targets.targets.map(\.tensor))
        let all = ScalableChannels.all(in: graph, replacesClips: clips == .perChannel)
        chosen = all.found.filter { free.isSuperset(of: $0.weights) }
        let sites = graph.weightSites
        ledger.keepWeights(of: graph, notIn: selection)
        for (node, reason) in all.refused {
            let weight = sites.first { $0.node.name == node.name }?.tensor
            let name = weight.map { free.contains($0) ? $0 : node.name } ?? node.name
            ledger.skip(name, "channels of \(node.name): \(reason)")
        }
    }

    /// The graph with factors in it.
    ///
    /// - Parameter changes: weights, with what of them is measured before and after.
    func result(
        _ scaling: ChannelScaling, _ changes: [(name: ValueName, before: Double, after: Double)], _ quantity: Quantity,
        _ remark: String, idle: String
    ) throws -> PassResult {
        var ledger = ledger
        for change in changes {
            ledger.note(Finding(change.name, .done, quantity, before: change.before, after: change.after, reason: remark))
        }
        for name in chosen.flatMap(\.weights) where !ledger.has(name) {
            ledger.note(Finding(name, .done, .none, reason: "takes the factors of its inputs"))
        }
        return PassResult(graph: chosen.isEmpty ? graph : try scaling.apply(), findings: ledger.findings { _ in idle })
    }
}
