import WinnowGraph
import WinnowTensor

/// A graph whose nodes' bodies are pruned, each for itself: what goes into and comes out of a body stays as it is.
///
/// What a body is run on is not known, so that weights alone rank its channels. A budget of the whole model leaves bodies alone.
struct PrunedBodies {
    /// The tensors and nodes that make channels in bodies.
    private(set) var names: [String] = []
    private(set) var result: PassResult
    private let pass: StructuredPruning
    private let selection: Selection
    private let alone: PassContext
    /// What was asked for and needs data, which bodies have none of.
    private let withheld: [String]
    /// Whether groups go that no masks stand for.
    private var isUnrestricted = false

    /// Throws where the model does not compute what it computes with the channels at zero.
    init(of graph: Graph, _ pass: StructuredPruning, _ selection: Selection, _ context: PassContext) throws {
        var alike = pass
        alike.importance = pass.importance.member.needs == .nothing ? pass.importance : "l2"
        withheld = [
            alike.importance == pass.importance ? nil : "what it is run on is not known: its channels are ranked by l2",
            pass.repairing.repair == .none ? nil : "what it is run on is not known: it is not repaired",
        ].compactMap { $0 }
        self.pass = alike
        self.selection = selection
        alone = PassContext(seed: context.seed, cancellation: context.cancellation)
        result = PassResult(graph: graph)
        guard pass.limits.holdForEachGraph, graph.nodes.contains(where: { !$0.op.bodies.isEmpty }) else { return }
        result = try pruning(graph, removed: pass.remove)
        guard pass.remove, result.graph.parameterCount < graph.parameterCount else { return }
        let doubt = isUnrestricted
            ? "its bodies were not verified: a normalization takes statistics over extents that are not known"
            : try ChannelVerification(of: graph, pruning(graph, removed: false).graph, in: context).verify(result.graph)
        result.findings += doubt.map { [Finding("graph", .done, reason: $0)] } ?? []
    }

    private mutating func pruning(_ graph: Graph, avoiding outer: Set<ValueName> = [], removed: Bool) throws -> PassResult {
        let single = graph.constantsOfSingleBodies
        let taken = outer.union(graph.infos.keys)
        return try graph.rewritingBodies { body in
            let held = try body.holding(single)
            let inner = try pruning(held, avoiding: taken, removed: removed)
            var result = try pruned(inner.graph, removed: removed)
            result.findings += inner.findings
            result.graph = try result.graph.isSame(as: held)
                ? body : result.graph.renamingNewValues(since: body, avoiding: taken.subtracting(single.keys))
            return result
        }
    }

    private mutating func pruned(_ body: Graph, removed: Bool) throws -> PassResult {
        var candidates = try pass.candidates(in: body, selection, alone, isBody: true)
        names += candidates.ranked.flatMap(\.names)
        let cut = try ChannelCut(pass, candidates, in: alone)
        candidates = candidates.telling(of: cut)
        let channels = candidates.lowest(cut.counts)
        isUnrestricted = isUnrestricted || !candidates.removal.unrestrictable.isDisjoint(with: channels.keys)
        let graph = try candidates.graph(without: channels, removed: removed)
        return PassResult(
            graph: graph,
            findings: candidates.report.findings(for: graph, removing: channels, candidates.coupling, removed: removed)
                + (channels.isEmpty ? [] : withheld.map { Finding("graph", .fellBack, reason: $0) }))
    }
}

extension Graph {
    /// The graph of a body with other names for values that have come to it under a name of the graphs around it.
    fileprivate func renamingNewValues(since body: Graph, avoiding taken: Set<ValueName>) throws -> Graph {
        var names = FreshNames(self, avoiding: taken)
        let new = infos.keys.filter { body.infos[$0] == nil && taken.contains($0) }.sorted()
        return try renamingValues(Dictionary(uniqueKeysWithValues: new.map { ($0, names.value($0)) }))
    }
}
