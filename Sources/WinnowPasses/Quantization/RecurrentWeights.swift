import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A graph whose recurrent layers, which no runtime computes on codes that were calibrated, read weights of codes, as weight-only
/// quantization stores them.
struct RecurrentWeights {
    private(set) var graph: Graph
    private(set) var findings: [Finding] = []
    /// Parameters that encodings gave.
    private(set) var given: [ValueName: QuantizationParameters] = [:]

    /// A graph as it is.
    init(_ graph: Graph) { self.graph = graph }

    init(
        _ graph: Graph, _ selection: Selection, _ scheme: QuantizationScheme, _ table: EncodingTable, _ rounding: RoundingChoice,
        _ context: PassContext
    ) throws {
        self.graph = graph
        let own = Set(graph.weightSites.filter(\.isRecurrent).map(\.tensor))
        guard !own.isEmpty else { return }
        var targets = WeightTargets(graph, selection) { target in
            if let site = target.sites.first(where: { $0.holder != nil }) { return "a body of \(site.holder ?? "") reads it, and bodies stay float" }
            guard target.sites.allSatisfy(\.isRecurrent) else { return "others than recurrent layers read it" }
            return target.sites.lazy.compactMap { graph.reasonAgainstCoding($0) }.first
        }
        given = try table.parameters(of: targets.targets) { _ in scheme }
        let floats = table.floats(in: graph)
        self.graph = try targets.store(rounding: rounding, context, given: given) { target in
            if given[target.tensor] != nil { return (scheme, "as \(table.source) says") }
            return floats.contains(target.tensor) ? (nil, "stays float, as \(table.source) says") : (scheme, nil)
        }
        findings = targets.findings.filter { own.contains($0.subject) }
    }
}

extension WeightSite {
    fileprivate var isRecurrent: Bool { node.op is any Recurrent }
}
