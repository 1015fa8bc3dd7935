package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Which layers of a model with pairs of QuantizeLinear and DequantizeLinear a runtime computes in integers, and what it computes in float
/// beside codes, as was measured of that runtime.
package struct RuntimePrediction {
    let profile: ExportProfile
    let index: GraphIndex
    package private(set) var layerCount = 0
    package private(set) var integerLayerCount = 0
    /// Layers whose weight is codes and that compute in float all the same.
    private(set) var floatLayers: [(node: String, reason: String)] = []
    /// Other nodes between codes, by operator.
    private(set) var floatNodes: [String: Int] = [:]

    /// nil where nothing was measured of the profile's runtime.
    package init?(_ graph: Graph, on profile: ExportProfile) {
        guard profile.isMeasured else { return nil }
        (self.profile, index) = (profile, GraphIndex(graph))
        let sites = WeightSites(of: graph)
        for node in graph.nodes {
            let own = sites.of(node)
            if node.op.quantization == .contraction, !own.isEmpty { visit(own, of: node) } else { visit(node) }
        }
    }

    /// - Parameter weights: all that the layer `node` multiplies with.
    private mutating func visit(_ weights: [WeightSite], of node: Node) {
        layerCount += 1
        let coded = weights.filter { index.standsForBytes($0.operand) }
        guard coded.count == weights.count, weights.allSatisfy({ index.standsForBytes(node.input(1 - $0.inputIndex)) }) else {
            if !coded.isEmpty { floatLayers.append((node.name, "its data do not come as codes of 8 bits")) }
            return
        }
        if let reason = weights.compactMap({ objection(to: $0) }).first {
            floatLayers.append((node.name, reason))
        } else {
            integerLayerCount += 1
        }
    }

    private mutating func visit(_ node: Node) {
        guard !(node.op is QuantizeLinear || node.op is DequantizeLinear), node.op.quantization != .keepsScale, let output = node.output(0),
            index.info(of: output)?.elementType == .float32
        else { return }
        // What limits a layer's result goes into its codes.
        if case .between? = node.op.passing(of: node, in: index) { return }
        let data = node.inputs.filter { !$0.isEmpty && index.constant($0) == nil && index.info(of: $0)?.elementType == .float32 }
        let codes = data.filter { index.standsForBytes($0) }
        guard !codes.isEmpty || index.givesCodes(node) else { return }
        let isKnown = profile.combinations.contains(node.op.type.name) || profile.functions.contains(node.op.type.name)
        if !isKnown || codes.count < data.count || !index.givesCodes(node) { floatNodes[node.op.type.description, default: 0] += 1 }
    }

    var findings: [Finding] {
        guard layerCount > 0 else { return [] }
        let names = floatNodes.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { "\($0.key) \($0.value)" }
        let rest = names.isEmpty ? "nothing between codes in float" : "in float between codes: \(names.joined(separator: ", "))"
        let whole = Finding(
            "graph", .done, reason: "\(profile.name) will compute \(integerLayerCount) of \(layerCount) layers in integers; \(rest)")
        return [whole] + floatLayers.map { Finding($0.node, .fellBack, reason: "\(profile.name) will compute it in float: \($0.reason)") }
    }
}

extension GraphIndex {
    /// Whether a node's result, or what limits it to numbers that the codes have, becomes codes alone.
    func givesCodes(_ node: Node) -> Bool {
        guard let output = node.output(0), !isOutput(output) else { return false }
        let readers = consumers(of: output)
        if !readers.isEmpty, readers.allSatisfy({ $0.op is QuantizeLinear }) { return true }
        guard let (limiter, limits) = limitation(of: output), let limited = limiter.output(0), !isOutput(limited) else { return false }
        let next = consumers(of: limited)
        return !next.isEmpty && next.allSatisfy { makesNeedless(limits, $0) }
    }
}
