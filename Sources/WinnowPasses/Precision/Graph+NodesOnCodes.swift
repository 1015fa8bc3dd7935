import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// Nodes that runtimes compute on codes of 8 bits, each with why it should stay as it is, and what makes their codes and reads them: float16
    /// between them would make all of it floats again, and round the scales.
    var nodesOnCodes: (reasons: [String: String], edges: Set<String>) {
        let index = GraphIndex(self)
        let sites = WeightSites(of: self)
        var reasons: [String: String] = [:]
        for node in nodes where !(node.op is QuantizeLinear || node.op is DequantizeLinear) && index.computesOnCodes(node) {
            let weights = sites.of(node).compactMap { site in initializers[site.tensor].map { (name: site.tensor, type: $0.elementType) } }
            let coded = weights.first { $0.type.isInteger }
            reasons[node.name] = coded.map { "\($0.name) is stored as \($0.type) codes already" } ?? "it computes on codes"
            guard index.givesCodes(node), let (limiter, _) = index.limitation(of: node.output(0)) else { continue }
            reasons[limiter.name] = "it limits what \(node.name) computes on codes"
        }
        var edges: Set<String> = []
        // Those that read come after those that make.
        for node in nodes.reversed() {
            let readers = index.consumers(of: node.output(0))
            if node.op is DequantizeLinear {
                let source = index.producer(of: node.input(0))
                if readers.contains(where: { reasons[$0.name] != nil }) || source.map(index.mapsCodes) == true { edges.insert(node.name) }
            } else if node.op is QuantizeLinear {
                if readers.contains(where: { edges.contains($0.name) || index.mapsCodes($0) }) { edges.insert(node.name) }
            } else if index.mapsCodes(node) {
                edges.insert(node.name)
            }
        }
        return (reasons, edges)
    }
}

extension GraphIndex {
    /// Whether an operator of codes makes others under a scale that it reads.
    fileprivate func mapsCodes(_ node: Node) -> Bool {
        !(node.op is QuantizeLinear) && node.op.inputRoles.values.contains(.scale) && info(of: node.output(0))?.elementType.isInteger == true
    }

    /// Whether a layer's weight and data come as codes, or all data of another node do and its result becomes codes.
    fileprivate func computesOnCodes(_ node: Node) -> Bool {
        if node.op.quantization == .contraction { return node.inputs.count > 1 && node.inputs.prefix(2).allSatisfy { standsForBytes($0) } }
        let data = node.inputs.filter { !$0.isEmpty && constant($0) == nil && info(of: $0)?.elementType == .float32 }
        return !data.isEmpty && data.allSatisfy { standsForBytes($0) } && givesCodes(node)
    }
}
