import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Computes once what depends on constants only, and stores the result.
///
/// What would make the model larger stays: dequantized weights, looked-up palettes, expanded constants.
package struct FoldConstants: Pass {
    package static let name = "fold-constants"
    package static let summary = "replaces nodes that depend on constants only by their results"
    package static let guide = """
        Runs every node whose inputs are all constants and stores its result as an initializer. Nodes that would make the \
        model larger are kept and reported: a DequantizeLinear of a weight, a palette's Gather, an Expand. Pruning masks \
        are kept too; `fold-masks` makes them permanent.
        """

    @Hyperparameter("bytes a result may have even where it is larger than what it is computed from", in: 0...1e9)
    package var largestGrowth = 1024

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        var ledger = WeightLedger(graph)
        var edit = GraphEdit()
        var known: [ValueName: Tensor] = [:]
        for node in graph.nodes {
            guard let results = try fold(node, in: graph, known: known, ledger: &ledger) else { continue }
            edit.removedNodes.insert(node.name)
            for (name, tensor) in zip(node.outputs, results) where !name.isEmpty {
                known[name] = tensor
                edit.initializers.append((name, tensor))
            }
            ledger.note(Finding(node.name, quantity: "nodes", before: 1, after: 0, reason: "depends on constants only"))
        }
        let result = try graph.applying(edit)
        for name in graph.weightTensors where result.initializers[name] == nil {
            ledger.note(.bytes(of: name, from: graph, to: result))
        }
        return PassResult(
            graph: result, findings: ledger.findings { _ in "no node computes with it and constants alone" })
    }

    /// The node's outputs if they are constant and worth storing.
    private func fold(
        _ node: Node, in graph: Graph, known: [ValueName: Tensor], ledger: inout WeightLedger
    ) throws -> [Tensor]? {
        let inputs = node.inputs.map { $0.isEmpty ? nil : known[$0] ?? graph.initializers[$0] }
        let isConstant = zip(node.inputs, inputs).allSatisfy { $0.isEmpty || $1 != nil }
        let inferred = node.outputs.compactMap { graph.infos[$0]?.constant }
        guard isConstant || inferred.count == node.outputs.count, !Self.isKept(node) else { return nil }
        guard node.op.bodies.isEmpty else { return nil }
        let results = inferred.count == node.outputs.count ? inferred : try Self.run(node, inputs: inputs)
        guard let results else { return nil }
        let size = results.reduce(0) { $0 + $1.byteCount }
        if size > largestGrowth, size > inputs.reduce(0, { $0 + ($1?.byteCount ?? 0) }), !node.inputs.isEmpty {
            ledger.skip(node.name, "its result would take \(size) bytes, more than what it is computed from")
            return nil
        }
        return results
    }

    private static func isKept(_ node: Node) -> Bool {
        ["QuantizeLinear", "DequantizeLinear", "RandomNormal", "RandomUniform"].contains(node.op.type.name)
            || node.inputs.contains { $0.isMaskName }
    }

    /// The outputs of one node for constant inputs; nil if it cannot be run here.
    private static func run(_ node: Node, inputs: [Tensor?]) throws -> [Tensor]? {
        var initializers: [(name: ValueName, tensor: Tensor)] = []
        for case (let name, let tensor?) in zip(node.inputs, inputs) { initializers.append((name, tensor)) }
        let outputs = node.outputs.filter { !$0.isEmpty }
        do {
            let graph = try Graph(
                name: node.name, inputs: [], outputs: outputs, nodes: [node], initializers: initializers)
            let values = try Session(graph, options: SessionOptions(lowers: false)).run([:])
            let results = outputs.compactMap { values[$0] }
            return results.count == node.outputs.count ? results : nil
        } catch let error as WinnowError where error.kind == .unsupported { return nil }
    }
}
