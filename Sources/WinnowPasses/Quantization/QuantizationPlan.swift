package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Which values of a graph become integers, and which of them share one scale; derived from the operators' rules alone.
package struct QuantizationPlan: Sendable {
    /// A set of values that have the same scale and zero point because nodes move codes between them unchanged.
    package struct Group: Sendable {
        /// In topological order; the first one's range is the group's.
        package var values: [ValueName]
        /// Whether some member is what a Relu gives: the range starts at 0.
        package var isRectified = false
    }

    package private(set) var groups: [Group] = []
    /// The contractions that run in integers, with the site of their weight.
    package private(set) var sites: [WeightSite] = []
    /// Weights and nodes that stay in float, and why.
    package private(set) var floats: [Finding] = []

    private let graph: Graph
    private let index: GraphIndex
    private var quantized: Set<ValueName> = []
    private var parents: [ValueName: ValueName] = [:]

    /// - Parameter quantizesOutputs: whether a Gemm's or MatMul's result that is a graph output becomes integers too; without
    ///   it, the last layer's sums are turned into floats directly.
    package init(_ graph: Graph, selection: Selection, quantizesOutputs: Bool) {
        self.graph = graph
        index = GraphIndex(graph)
        chooseSites(selection)
        for node in graph.nodes where node.op.quantization == .keepsScale { connect(node) }
        for site in sites { seed(site, quantizesOutputs: quantizesOutputs) }
        spread()
        collectGroups()
    }

    private mutating func chooseSites(_ selection: Selection) {
        let all = graph.weightSites
        for node in graph.nodes where node.op.quantization == .contraction {
            let own = all.filter { $0.node.name == node.name }
            guard let site = own.first, own.count == 1, isFloat(node.input(1 - site.inputIndex)) else {
                floats.append(
                    Finding(
                        node.name, .skipped,
                        reason: own.isEmpty
                            ? "it has no constant weight; where one is computed from constants, run fold-constants first"
                            : "both its operands are constants"))
                continue
            }
            if let reason = selection.reason(against: site) {
                floats.append(Finding(site.tensor, .kept, reason: reason))
            } else if let reason = reason(against: site) {
                floats.append(Finding(site.tensor, .skipped, reason: reason))
            } else {
                sites.append(site)
            }
        }
    }

    private func reason(against site: WeightSite) -> String? {
        guard let weight = graph.initializers[site.tensor] else { return "it is computed" }
        if weight.elementType != .float32 { return "it is \(weight.elementType), not float32" }
        if site.isQuantized { return "it is quantized already" }
        if site.node.op is Einsum { return "its equation is no product with one matrix" }
        return weight.doubles().allSatisfy(\.isFinite) ? nil : "it holds an infinity or NaN"
    }

    private func isFloat(_ value: ValueName?) -> Bool {
        guard let value, graph.initializers[value] == nil else { return false }
        return graph.infos[value]?.elementType == .float32
    }

    /// Lets a node's float input and outputs share their scale.
    private mutating func connect(_ node: Node) {
        guard let input = node.input(0), isFloat(input) else { return }
        for output in node.outputs where isFloat(output) { unite(input, output) }
    }

    private mutating func seed(_ site: WeightSite, quantizesOutputs: Bool) {
        if let data = site.node.input(1 - site.inputIndex) { mark(data) }
        guard let output = site.node.output(0) else { return }
        let result = rectified(output) ?? output
        let isOutput = graph.outputs.contains(result)
        // Integer products give floats for nothing: only who computes in integers wants their result as codes.
        let mayStayFloat = site.node.op is Gemm || site.node.op is MatMul || site.node.op.type.name != "Conv" && isOutput
        if isOutput && quantizesOutputs || !mayStayFloat { mark(result) }
    }

    /// The output of the activation that a quantizer behind it makes superfluous: the value's only reader is a Relu, or a
    /// Clip from 0.
    private func rectified(_ value: ValueName) -> ValueName? {
        guard let reader = index.soleConsumer(of: value), reader.input(0) == value else { return nil }
        switch reader.op.type.description {
        case "Relu": return reader.output(0)
        case "Clip":
            guard let low = index.constant(reader.input(1)), low.doubles() == [0] else { return nil }
            return reader.output(0)
        default: return nil
        }
    }

    /// Carries integers on through nodes that combine quantized values, in topological order.
    private mutating func spread() {
        for node in graph.nodes where node.op.quantization == .sharesScale {
            let inputs = node.inputs.filter { !$0.isEmpty && graph.infos[$0]?.elementType == .float32 }
            guard let output = node.output(0), isFloat(output), !inputs.isEmpty else { continue }
            if inputs.allSatisfy({ isQuantized($0) }) {
                mark(rectified(output) ?? output)
            } else if inputs.contains(where: { isQuantized($0) }) {
                floats.append(Finding(node.name, .kept, reason: "not all of its inputs are integers"))
            }
        }
    }

    private mutating func mark(_ value: ValueName) { quantized.insert(root(of: value)) }
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
                groups.append(Group(values: [value], isRectified: isRectifier(index.producer(of: value))))
            }
        }
    }

    private func isRectifier(_ node: Node?) -> Bool {
        node?.input(0).flatMap { rectified($0) } == node?.output(0) && node != nil
    }
}
