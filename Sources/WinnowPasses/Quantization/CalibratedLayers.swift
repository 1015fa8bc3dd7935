import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// The layers of a graph that can become integers, with what calibration data tells of the values that would be codes.
struct CalibratedLayers {
    /// In the forms that integer kernels take.
    private(set) var graph: Graph
    private(set) var arithmetic: IntegerArithmetic
    private let selection: Selection
    /// First and last layers.
    private var edges: Set<String> = []
    /// By the first value of a group.
    private(set) var observed: [ValueName: ObservedRange] = [:]
    private(set) var parameters: [ValueName: QuantizationParameters] = [:]
    /// Weights that were rounded by more than the nearest codes; the graph still has the floats.
    private(set) var rounded: [ValueName: RoundedWeight] = [:]
    /// Weights that have the nearest codes all the same.
    private(set) var nearest: [Finding] = []
    private let encodings: EncodingTable
    /// What stays float because it was given so.
    private var floats: Set<ValueName> = []
    /// Parameters that were given, by the names they were given for.
    private(set) var given: [ValueName: QuantizationParameters] = [:]
    /// What rounding takes of the outputs, where that is known.
    var noises = RoundingNoises()

    init(
        _ arithmetic: IntegerArithmetic, _ calibration: CalibrationChoice, _ choice: WeightChoice,
        _ encodings: EncodingTable = EncodingTable(), graph: Graph, context: PassContext
    ) throws {
        let selection = try choice.selection(in: graph)
        self.graph = try graph.preparedForIntegers { selection.reason(against: $0) == nil }
        (self.arithmetic, self.selection, self.encodings) = (arithmetic, selection, encodings)
        try encodings.check(in: self.graph)
        floats = encodings.floats(in: self.graph)
        let plan = self.plan()
        guard !plan.sites.isEmpty else { return }
        edges = Set(plan.sites.filter { plan.isEdge($0) }.map(\.node.name))
        let values = plan.groups.compactMap(\.values.first)
        observed = try calibration.observe(values, in: self.graph, context: context)
        let index = GraphIndex(self.graph)
        for group in plan.groups {
            guard let value = group.values.first else { continue }
            let scheme = arithmetic.schemes(isEdge: plan.isEdge(group)).activations
            parameters[value] = try givenParameters(of: group, scheme)
                ?? calibration.parameters(of: value, observed[value], scheme, isDefined: isDefined(value, in: plan, index), in: index)
        }
        try takeWeights(of: plan.sites)
    }

    /// Whether a value's codes follow from what makes it of codes, whatever was seen of it.
    func isDefined(_ value: ValueName, in plan: QuantizationPlan, _ index: GraphIndex) -> Bool {
        guard let node = index.producer(of: value), arithmetic.profile.definedRanges.contains(node.op.type.name) else { return false }
        return plan.groups.contains { group in node.inputs.contains { group.values.contains($0) } }
    }

    /// What was given for a group of values, which share it.
    private mutating func givenParameters(
        of group: QuantizationPlan.Group, _ scheme: ActivationScheme
    ) throws -> QuantizationParameters? {
        var found: (name: ValueName, parameters: QuantizationParameters)?
        for value in group.values {
            guard let own = try encodings.parameters(at: EncodedPlace(value, scheme)) else { continue }
            if let found, found.parameters != own {
                throw encodings.error(value, "has another encoding than \(found.name), and codes go from one to the other unchanged")
            }
            found = (value, own)
            given[value] = own
        }
        return found?.parameters
    }

    private mutating func takeWeights(of sites: [WeightSite]) throws {
        for site in sites where encodings.encodings[site.tensor] != nil {
            guard let shape = graph.infos[site.operand]?.shape else { continue }
            let scheme = arithmetic.schemes(isEdge: edges.contains(site.node.name)).weights
            var place = EncodedPlace(site.tensor, shape, channelAxis: site.operandAxis, scheme)
            (place.storedAxis, place.leastWidth) = (site.outputAxis, scheme.elementType.bitWidth)
            guard let own = try encodings.parameters(at: place) else { continue }
            if let other = given[site.tensor], other != own {
                throw encodings.error(site.tensor, "is read by layers that need different scales")
            }
            given[site.tensor] = own
        }
    }

    /// Whether values of a group were given their codes.
    func isGiven(_ group: QuantizationPlan.Group) -> Bool { group.values.contains { given[$0] != nil } }

    /// What became of the encodings that were given, to `others` too, in the graph with codes.
    func encodingFindings(and others: [ValueName: QuantizationParameters], in coded: Graph) -> [Finding] {
        encodings.findings(given.merging(others) { $1 }, in: coded)
    }

    /// The layers that could become integers.
    var eligibleSites: [WeightSite] { QuantizationPlan(graph, selection: selection, arithmetic).sites }

    func plan(barred: Set<ValueName> = []) -> QuantizationPlan {
        QuantizationPlan(graph, selection: selection, arithmetic, barred: barred.union(floats))
    }

    /// The types of all activations' codes.
    var activationTypes: Set<ElementType> {
        Set(parameters.values.map(\.elementType).filter { $0.bitWidth >= 8 }).union([arithmetic.inner.activations.elementType])
    }

    /// The graph with groups of a plan alone as codes, weights in float.
    func rounding(_ groups: [QuantizationPlan.Group], of plan: QuantizationPlan) throws -> Graph {
        var insertion = QDQInsertion(graph)
        for group in groups {
            guard let first = group.values.first, let own = parameters[first] else { continue }
            insertion.quantize(group, own, onlyForReaders: !arithmetic.hasKernels) { plan.integerReaders(of: $0) }
        }
        return try insertion.apply()
    }

    /// How the weights of layers become codes, and why more numbers share a scale than was asked for.
    func weightParameters(of site: WeightSite) throws -> (parameters: QuantizationParameters, reason: String?)? {
        guard let weight = try graph.weight(readBy: site) else { return nil }
        if let own = rounded[site.tensor] { return (own.parameters, ownParameters(for: weight, of: site).reason) }
        return ownParameters(for: weight, of: site)
    }

    private func ownParameters(for weight: Tensor, of site: WeightSite) -> (parameters: QuantizationParameters, reason: String?) {
        if let own = given[site.tensor] { return (own, nil) }
        return arithmetic.schemes(isEdge: edges.contains(site.node.name)).weights.parameters(
            for: weight, channelAxis: site.operandAxis,
            objection: arithmetic.profile.objectionToChannelScales(of: site, rank: weight.rank))
    }

    func weightParameters(
        of sites: [WeightSite]
    ) throws -> [(site: WeightSite, parameters: QuantizationParameters, rounded: Tensor?)] {
        try sites.compactMap { site in try weightParameters(of: site).map { (site, $0.parameters, rounded[site.tensor]?.values) } }
    }

    /// The same with weights rounded as a choice says, those that one layer reads as they are stored.
    func roundingWeights(by choice: RoundingChoice, _ context: PassContext) throws -> CalibratedLayers {
        guard choice.rounding != nil else { return self }
        let all = Dictionary(grouping: plan().sites, by: \.tensor)
        let sites = all.compactMapValues { $0.count == 1 && $0[0].operand == $0[0].tensor ? $0[0] : nil }
        let read = WeightTargets(graph, selection) { _ in nil }.targets.filter { all[$0.tensor] != nil }
        let targets = read.filter { sites[$0.tensor] != nil && $0.sites.count == 1 }
        var result = self
        let own = Set(targets.map(\.tensor))
        for target in read where choice.isAsked && !own.contains(target.tensor) {
            result.nearest.append(RoundingChoice.nearest(target, "no layer has it for itself as it is stored"))
        }
        try choice.round(targets, in: graph, context) { target, weight in
            ownParameters(for: weight, of: sites[target.tensor] ?? target.sites[0])
        } done: { task, rounded in
            result.rounded[task.target.tensor] = rounded
            if let finding = choice.nearest(task, rounded) { result.nearest.append(finding) }
        }
        return result
    }

    /// The same findings with what rounding made of the floats, where the graph with codes knows but what it made.
    func tellingErrors(in findings: [Finding]) -> [Finding] {
        findings.map { finding in
            guard let own = rounded[finding.subject], let weight = graph.initializers[finding.subject], let codes = finding.codes
            else { return finding }
            var result = finding
            let error = weight.relativeError(of: own.values)
            result.reason = "relative error \(error)"
            result.codes = codes.with(relativeError: error, clippedPart: own.parameters.clippedPart(of: weight))
            return result
        }
    }

    /// Of the codes of most weights.
    var weightBits: Int { arithmetic.inner.weights.bits }

    /// The same with weights of so many bits.
    func with(weightBits: Int) -> CalibratedLayers {
        var result = self
        if weightBits != self.weightBits { result.rounded = [:] }
        result.arithmetic.inner.weights.bits = weightBits
        return result
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
