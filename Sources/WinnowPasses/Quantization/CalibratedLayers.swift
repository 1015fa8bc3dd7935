import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// The layers of a graph that can become integers, with what calibration data tells of the values that would be codes.
struct CalibratedLayers {
    /// In the forms that integer kernels take.
    private(set) var graph: Graph
    let arithmetic: IntegerArithmetic
    private let selection: Selection
    /// By the first value of a group.
    private(set) var observed: [ValueName: ObservedRange] = [:]
    private(set) var parameters: [ValueName: QuantizationParameters] = [:]

    init(
        _ arithmetic: IntegerArithmetic, _ calibration: CalibrationChoice, _ choice: WeightChoice, graph: Graph, context: PassContext
    ) throws {
        let selection = try choice.selection(in: graph)
        self.graph = try graph.preparedForIntegers { selection.reason(against: $0) == nil }
        (self.arithmetic, self.selection) = (arithmetic, selection)
        let plan = QuantizationPlan(self.graph, selection: selection, arithmetic)
        guard !plan.sites.isEmpty else { return }
        let values = plan.groups.compactMap(\.values.first)
        observed = try calibration.observe(values, in: self.graph, context: context)
        for value in values {
            let range = observed[value].flatMap { calibration.rule.range(of: $0, for: arithmetic.activations) }
            parameters[value] = arithmetic.activations.parameters(for: range ?? 0...0)
        }
    }

    func plan(barred: Set<ValueName> = []) -> QuantizationPlan {
        QuantizationPlan(graph, selection: selection, arithmetic, barred: barred)
    }

    /// The graph with groups of a plan alone as codes, weights in float.
    func rounding(_ groups: [QuantizationPlan.Group], of plan: QuantizationPlan) throws -> Graph {
        var insertion = QDQInsertion(graph)
        for group in groups {
            if let first = group.values.first, let own = parameters[first] { insertion.quantize(group, own) { plan.integerReaders(of: $0) } }
        }
        return try insertion.apply()
    }

    /// How the weights of layers become codes, and why more numbers share a scale than was asked for.
    func weightParameters(of site: WeightSite) throws -> (parameters: QuantizationParameters, reason: String?)? {
        guard let weight = try graph.weight(readBy: site) else { return nil }
        return arithmetic.weights.parameters(
            for: weight, channelAxis: site.operandAxis,
            objection: arithmetic.profile.objectionToChannelScales(of: site, rank: weight.rank))
    }

    func weightParameters(of sites: [WeightSite]) throws -> [(site: WeightSite, parameters: QuantizationParameters)] {
        try sites.compactMap { site in try weightParameters(of: site).map { (site, $0.parameters) } }
    }

    /// The same with biases that take away what rounding weights adds to the means.
    func correcting(by shifts: [WeightShift], for sites: [WeightSite]) throws -> CalibratedLayers {
        let chosen = Set(sites.map(\.node.name))
        var (result, names) = (self, FreshNames(graph))
        result.graph = try graph.applying(
            shifts.filter { chosen.contains($0.site.node.name) }.compactMap { $0.correction(in: graph, &names) })
        return result
    }

    /// The mean square by which rounding moves a group's values; nil where that was not observed.
    func squaredError(_ group: QuantizationPlan.Group) -> Double? {
        guard let first = group.values.first, let parameters = parameters[first] else { return nil }
        return observed[first]?.histogram?.squaredError(of: parameters)
    }
}
