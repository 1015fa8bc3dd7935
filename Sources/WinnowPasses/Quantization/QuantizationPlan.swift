import WinnowEngine
package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Which values of a graph become integers, and which of them share one scale; derived from the operators' rules alone.
package struct QuantizationPlan: Sendable {
    /// A set of values that have the same scale and zero point because nodes move codes between them unchanged.
    package struct Group: Sendable {
        /// In topological order; the first one's range is the group's.
        package var values: [ValueName]
    }

    package private(set) var groups: [Group] = []
    /// The contractions that run in integers, with the site of their weight.
    package private(set) var sites: [WeightSite] = []
    /// Contractions that no other is before, or after.
    private var edges: Set<String> = []
    /// Weights and nodes that stay in float, and why.
    package private(set) var floats: [Finding] = []

    private static let stays = "a static quantization before left it in float: name it with only to make it integers"
    private let graph: Graph
    private let index: GraphIndex
    private let arithmetic: IntegerArithmetic
    /// The initializers behind what depends on such alone: no activations.
    private let origins: [ValueName: ValueName]
    private var quantized: Set<ValueName> = []
    /// The roots of values that stay float.
    private var barred: Set<ValueName> = []
    private var parents: [ValueName: ValueName] = [:]

    /// - Parameters:
    ///   - arithmetic: whether results that are graph outputs become integers too; without it, the last layer's sums are turned into
    ///     floats directly, where the profile does so.
    ///   - barred: values that stay float, with all that would share their scale, and weights that do.
    init(_ graph: Graph, selection: Selection, _ arithmetic: IntegerArithmetic, barred: Set<ValueName> = []) {
        self.graph = graph
        index = GraphIndex(graph)
        self.arithmetic = arithmetic
        origins = graph.constantOrigins
        for node in graph.nodes where node.op.quantization == .keepsScale { connect(node) }
        // Runtimes compute on codes what stands between codes.
        let others = graph.nodes.filter { ($0.op as? any RuntimeForm)?.isAnotherOnCodes ?? false }.compactMap { $0.input(0) }
        self.barred = Set((barred + others).map(root))
        chooseSites(selection)
        edges = graph.outermostContractions
        for site in sites { seed(site) }
        spread()
        collectGroups()
    }

    private mutating func chooseSites(_ selection: Selection) {
        let all = Dictionary(grouping: graph.weightSites, by: \.node.name)
        let captured = Dictionary(graph.capturedWeightSites.map { ($0.tensor, $0.holder ?? "") }, uniquingKeysWith: { first, _ in first })
        for node in graph.nodes where node.op.quantization == .contraction {
            let own = all[node.name] ?? []
            guard let site = own.first, own.count == 1 else {
                // A product of data with data is no layer.
                let isProduct = node.inputs.prefix(2).allSatisfy { origins[$0] == nil }
                let reason = own.isEmpty ? noWeight(node) : "both its operands are constants"
                floats.append(Finding(node.name, isProduct ? .kept : .skipped, reason: reason))
                continue
            }
            if let reason = selection.reason(against: site) ?? (node.notes.staysFloat && !selection.isExplicit ? Self.stays : nil) {
                floats.append(Finding(site.tensor, .kept, reason: reason))
            } else if let reason = reason(against: site, captured: captured[site.tensor]) {
                floats.append(Finding(site.tensor, .skipped, reason: reason))
            } else if let value = barredOperand(of: site) {
                floats.append(Finding(site.tensor, .fellBack, reason: "its layer computes in float, as \(value) does not become codes"))
            } else {
                sites.append(site)
            }
        }
    }

    private func noWeight(_ node: Node) -> String {
        let origin = node.inputs.prefix(2).compactMap { origins[$0] }.first
        guard let origin, let tensor = graph.initializers[origin] else { return "it has no constant weight" }
        return tensor.elementType.isInteger
            ? "its weight is stored as codes already (\(origin))\(Finding.codesRemedy)" : "its weight is computed from \(origin): run fold-constants first"
    }

    private func reason(against site: WeightSite, captured holder: String?) -> String? {
        if let reason = graph.reasonToKeep(site.tensor) ?? graph.reasonAgainstCoding(site) { return reason }
        let types = [site.operand, site.node.input(1 - site.inputIndex) ?? ""].map { graph.infos[$0]?.elementType ?? .float32 }
        if let type = types.first(where: { $0 != .float32 }) { return "\(site.node.name) computes in \(type), and integers replace float32 only" }
        if let holder { return "a body of \(holder) reads it: it stays float" }
        if site.node.op is Einsum { return "its equation is no product with one matrix" }
        return nil
    }

    private func isFloat(_ value: ValueName?) -> Bool {
        guard let value, origins[value] == nil else { return false }
        return graph.infos[value]?.elementType == .float32
    }

    /// Lets a node's float input and outputs share their scale.
    private mutating func connect(_ node: Node) {
        guard let input = node.input(0), isFloat(input) else { return }
        // An output of the model has floats at no cost.
        for output in node.outputs where isFloat(output) && (arithmetic.quantizesOutputs || !graph.outputs.contains(output)) {
            unite(input, output)
        }
    }

    private mutating func seed(_ site: WeightSite) {
        if let data = site.node.input(1 - site.inputIndex) { mark(data) }
        guard let result = result(of: site) else { return }
        let isOutput = graph.outputs.contains(result)
        if isOutput && arithmetic.quantizesOutputs || !mayGiveFloats(site, result) { mark(result) }
    }

    /// What of a layer becomes codes: its output, or what limits that.
    package func result(of site: WeightSite) -> ValueName? { site.node.output(0).map(index.limited) }

    /// Whether only who computes in integers wants a layer's result as codes.
    private func mayGiveFloats(_ site: WeightSite, _ result: ValueName) -> Bool {
        !arithmetic.hasKernels || arithmetic.profile.floatResults.contains(site.node.op.type.name)
            || graph.outputs.contains(result) && !arithmetic.profile.codedOutputs.contains(site.node.op.type.name)
    }

    /// The barred value, or weight, that a layer would have to take or give as codes.
    private func barredOperand(of site: WeightSite) -> ValueName? {
        if barred.contains(site.tensor) { return site.tensor }
        if let data = site.node.input(1 - site.inputIndex), isBarred(data) { return data }
        guard let result = result(of: site), !mayGiveFloats(site, result), isBarred(result) else { return nil }
        return result
    }

    /// Carries integers on through nodes that combine quantized values, in topological order.
    private mutating func spread() {
        for node in graph.nodes where node.op.quantization == .sharesScale {
            let inputs = node.inputs.filter { !$0.isEmpty && graph.infos[$0]?.elementType == .float32 }
            guard let output = node.output(0), isFloat(output), !inputs.isEmpty, arithmetic.profile.combinations.contains(node.op.type.name)
            else { continue }
            if inputs.allSatisfy({ isQuantized($0) }) {
                mark(index.limited(output))
            } else if inputs.contains(where: { isQuantized($0) }) {
                floats.append(Finding(node.name, .kept, reason: "not all of its inputs are integers"))
            }
        }
    }

    private mutating func mark(_ value: ValueName) {
        let root = root(of: value)
        if !barred.contains(root) { quantized.insert(root) }
    }

    private func isBarred(_ value: ValueName) -> Bool { barred.contains(root(of: value)) }
    private func isQuantized(_ value: ValueName) -> Bool { quantized.contains(root(of: value)) }

    private func root(of value: ValueName) -> ValueName {
        var value = value
        while let parent = parents[value] { value = parent }
        return value
    }

    private mutating func unite(_ a: ValueName, _ b: ValueName) {
        let (rootA, rootB) = (root(of: a), root(of: b))
        if rootA != rootB { parents[rootB] = rootA }
    }

    private mutating func collectGroups() {
        var positions: [ValueName: Int] = [:]
        let order = graph.inputNames + graph.nodes.flatMap(\.outputs)
        for value in order where !value.isEmpty && isFloat(value) && isQuantized(value) {
            let root = root(of: value)
            if let position = positions[root] {
                groups[position].values.append(value)
            } else {
                positions[root] = groups.count
                groups.append(Group(values: [value]))
            }
        }
    }

    func isEdge(_ site: WeightSite) -> Bool { edges.contains(site.node.name) }

    /// Whether a first or last layer reads one of the values.
    func isEdge(_ group: Group) -> Bool {
        group.values.contains { index.consumers(of: $0).contains { edges.contains($0.name) } }
    }

    /// The layers that take values of a group as codes or give them.
    package func sites(at group: Group) -> [WeightSite] {
        let values = Set(group.values)
        return sites.filter { site in
            site.node.input(1 - site.inputIndex).map(values.contains) ?? false || result(of: site).map(values.contains) ?? false
        }
    }

    /// The nodes that gain from reading a value as codes: layers that compute in integers, and nodes that give codes on.
    package func integerReaders(of value: ValueName) -> Set<String> {
        let layers = Set(sites.map(\.node.name))
        return Set(
            index.consumers(of: value).filter { node in
                layers.contains(node.name) || node.outputs.contains { !$0.isEmpty && isFloat($0) && isQuantized($0) }
            }.map(\.name))
    }
}

extension Graph {
    /// The contractions that none is before on the way from the inputs, or none after on the way to the outputs.
    fileprivate var outermostContractions: Set<String> {
        var behind: Set<ValueName> = []
        var ahead: Set<ValueName> = []
        var result: Set<String> = []
        for node in nodes {
            let isInner = node.inputs.contains { behind.contains($0) }
            let isContraction = node.op.quantization == .contraction
            if isContraction && !isInner { result.insert(node.name) }
            if isContraction || isInner { behind.formUnion(node.outputs) }
        }
        for node in nodes.reversed() {
            let isInner = node.outputs.contains { ahead.contains($0) }
            let isContraction = node.op.quantization == .contraction
            if isContraction && !isInner { result.insert(node.name) }
            if isContraction || isInner { ahead.formUnion(node.inputs) }
        }
        return result
    }
}
