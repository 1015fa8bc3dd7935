import WinnowEngine
import WinnowGraph
import WinnowTensor

/// The weights of a graph decomposed, whatever their ranks will be.
struct DecomposedWeights {
    /// In the order of the layers that read them.
    let layers: [(tensor: ValueName, weight: Result<FactorizedWeight, Refusal>)]
    /// Those whose inputs should count and are not known.
    let unweighted: Set<ValueName>

    /// - Parameters:
    ///   - graph: with weights stored as layers read them.
    ///   - original: as it was.
    init(
        _ pass: SVDFactorization, _ graph: Graph, from original: Graph, _ selection: Selection, isBody: Bool,
        _ context: PassContext
    ) throws {
        let targets = WeightTargets(graph, selection, tables: pass.tables ? .all : .none) { target in
            target.sites.lazy.compactMap { graph.reasonAgainstCoding($0) }.first
        }.targets
        let weighting = isBody ? NoWeighting.self : pass.weighting.member
        let metrics =
            try targets.isEmpty ? [:] : weighting.metrics(of: targets, in: graph, context, sampleCount: pass.samples)
        layers = targets.map { target in
            let byteCount = original.initializers[target.tensor]?.byteCount ?? target.stored.byteCount
            return (
                target.tensor,
                Result { () throws(Refusal) in
                    try FactorizedWeight(
                        target, in: graph, byteCount: byteCount, pass, metrics[target.tensor] ?? [])
                }
            )
        }
        unweighted = pass.weighting.member.needs == .nothing ? [] : Set(targets.map(\.tensor)).subtracting(metrics.keys)
    }
}

/// Which weights of a graph become factors, and of which ranks.
struct FactorPlan {
    typealias Choice = (weight: FactorizedWeight, ranks: [Int])

    private(set) var choices: [ValueName: Result<Choice, Refusal>] = [:]
    /// What the model costs before and after, where that is limited.
    private(set) var finding: Finding?

    /// Each weight by itself.
    init(_ weights: DecomposedWeights, _ ranking: RankChoice) {
        for (tensor, weight) in weights.layers {
            choices[tensor] = Result { () throws(Refusal) in
                let weight = try weight.get()
                return try Self.choice(weight, ranking.ranks(for: weight.decomposition.spectra), ranking)
            }
        }
    }

    /// All weights together, so that the whole model costs no more than a part.
    init(
        _ weights: DecomposedWeights, in graph: Graph, isBody: Bool, _ ranking: RankChoice, share: Double,
        _ context: PassContext
    ) throws {
        let reason =
            isBody ? "it lies in a body, and size counts the model around it" : "the budget needs nothing of it"
        for (tensor, weight) in weights.layers {
            choices[tensor] = weight.flatMap { _ in .failure(Refusal(reason, isMeant: !isBody)) }
        }
        guard !isBody else { return }
        let found = weights.layers.compactMap { tensor, weight in
            (try? weight.get()).map { (tensor: tensor, weight: $0) }
        }
        let units = try Self.units(found.map(\.weight), in: graph, ranking.budget, context)
        for (found, unit) in zip(found, units) where unit == nil {
            choices[found.tensor] = .failure(
                Refusal("size counts multiply-accumulates, and those of its layer are not known: choose another budget"))
        }
        let able = zip(found, units).filter { $1 != nil }.map(\.0)
        let paths = zip(able, units.compactMap { $0 }).map { RankPath($0.weight, unit: $1) }
        let order = ChannelOrder(paths.map(\.keys))
        // The ranks of every weight after so many steps; nil where it stays as it is.
        func ranks(_ length: Int) -> [[Int]?] {
            zip(zip(able, paths), order.counts(first: length)).map { pair, count in
                guard count > 0 else { return nil }
                let ranks = ranking.rounded(pair.1.steps[count - 1], of: pair.0.weight)
                return pair.0.weight.objection(to: ranks) == nil ? ranks : nil
            }
        }
        let budget = CostBudget(cost: ranking.budget, share: share)
        let cut = try budget.cut(order, of: graph, rest: "layers that stay", in: context) { length in
            var names = FreshNames(graph)
            return try graph.applying(
                zip(able, ranks(length)).compactMap { able, ranks in ranks.map { able.weight.outlineEdit($0, &names) } }
            )
        }
        finding = cut.finding
        if cut.length == 0, cut.finding.status == .fellBack {
            for able in able { choices[able.tensor] = .failure(Refusal("no factors that were tried make the model faster", isMeant: true)) }
        }
        for (able, ranks) in zip(able, ranks(cut.length)) {
            if let ranks { choices[able.tensor] = .success((able.weight, ranks)) }
        }
    }

    private static func choice(_ weight: FactorizedWeight, _ wanted: [Int], _ ranking: RankChoice) throws(Refusal)
        -> Choice
    {
        let ranks = ranking.rounded(wanted, of: weight)
        if let objection = weight.objection(to: ranks) { throw Refusal(objection) }
        return (weight, ranks)
    }

    /// What an element of each weight costs; nil where the budget cannot tell what its factors would save.
    private static func units(_ weights: [FactorizedWeight], in graph: Graph, _ cost: ModelCost, _ context: PassContext)
        throws -> [Double?]
    {
        guard cost.needsSample else { return weights.map { _ in 1 } }
        let counts = try graph.multiplyAccumulates(inputShapes: context.sample(for: graph).mapValues(\.shape))
        return weights.map { weight in
            let own = weight.sites.map { (node: $0.node, count: counts[$0.node.name] ?? nil) }
            guard own.allSatisfy({ $0.count != nil }) else { return cost == .macs ? nil : 1 }
            // A recurrent layer multiplies with a second weight, whatever becomes of the first.
            return own.reduce(0) { $0 + max(1, Double($1.count ?? 0)) / Double(max(1, graph.weightElementCount(of: $1.node))) }
        }
    }
}

extension Graph {
    /// The elements of all weights that a node multiplies with.
    fileprivate func weightElementCount(of node: Node) -> Int {
        Set(weightSites.filter { $0.node.name == node.name }.map(\.tensor)).reduce(0) { $0 + (initializers[$1]?.elementCount ?? 0) }
    }
}
