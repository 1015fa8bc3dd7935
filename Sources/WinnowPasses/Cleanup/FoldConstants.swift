import WinnowEngine
public import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Computes once what depends on constants only, and stores the result.
///
/// What would make the model larger stays: dequantized weights, looked-up palettes, expanded constants, a second form of a
/// weight that others read as it is.
public struct FoldConstants: Pass {
    public static let name = "fold-constants"
    public static let page = "Cleanup"
    public static let summary = "replaces nodes that depend on constants only by their results"
    public static let guide = """
        Runs every node whose inputs are all constants and stores its result as an initializer. Nodes that would make the \
        model larger are kept and reported: a DequantizeLinear of a weight, a palette's Gather, an Expand, a Transpose of a \
        weight that other nodes read as it is. Of an If with a constant condition the branch that it takes stands in its \
        place. Pruning masks are kept too; `fold-masks` makes them permanent. Inputs with \
        default values, as old exporters list all weights, are no constants: a caller may supply others. `defaults: true` \
        makes them constants.
        """
    public static let isIdempotent = true

    @Hyperparameter("bytes a result may have even where it is larger than what it takes the place of", in: 0...1e9)
    public var largestGrowth = 1024
    @Hyperparameter("make inputs with default values constants") public var defaults = false

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        let whole = try (defaults ? graph.takingDefaults() : graph).takingKnownBranches()
        var folding = Folding(graph: whole, index: GraphIndex(whole), ledger: WeightLedger(whole), largestGrowth: largestGrowth)
        for node in graph.nodes where node.op is If && whole.node(named: node.name) == nil {
            folding.ledger.note(Finding(node.name, .done, .nodes, before: 1, after: 0, reason: "its condition is constant"))
        }
        for input in graph.inputs where defaults && input.defaultValue != nil {
            folding.ledger.note(
                Finding(input.name, .done, .inputs, before: 1, after: 0, reason: "its default value is a constant now"))
        }
        for node in whole.nodes { try folding.fold(node) }
        var result = try whole.applying(folding.edit)
        for name in folding.constants where result.initializers[name] != nil {
            result.metadata.valueNotes[name, default: ValueNotes()].tensor.isConstant = true
        }
        for name in whole.weightTensors where result.initializers[name] == nil {
            folding.ledger.note(.bytes(of: name, from: whole, to: result))
        }
        return PassResult(
            graph: result, findings: folding.ledger.findings { _ in "no node computes with it and constants alone" })
    }
}

extension Graph {
    /// The graph with the branches that constants choose in the places of their If nodes.
    func takingKnownBranches() throws -> Graph {
        let edits = try edits { op, node, index in op is If ? try op.lowering(of: node, in: index) : nil }
        return edits.isEmpty ? self : try applying(edits).takingKnownBranches()
    }
}

extension Graph {
    /// nil where it is not known.
    fileprivate func byteCount(ofOutputsOf node: Node) -> Int? {
        node.outputs.filter { !$0.isEmpty }.reduce(Int?.some(0)) { sum, name in
            guard let sum, let info = infos[name], let shape = info.shape else { return nil }
            return sum +| (shape.elementCount *| info.elementType.bitWidth) / 8
        }
    }
}

/// What has been folded so far.
private struct Folding {
    let graph: Graph
    let index: GraphIndex
    var ledger: WeightLedger
    let largestGrowth: Int
    var edit = GraphEdit()
    /// What is no parameter, and what is made of such numbers alone.
    private(set) var constants: Set<ValueName>
    private var known: [ValueName: Tensor] = [:]
    /// The values whose readers now read a constant, by the constant.
    private var aliases: [ValueName: [ValueName]] = [:]

    init(graph: Graph, index: GraphIndex, ledger: WeightLedger, largestGrowth: Int) {
        self.graph = graph
        self.index = index
        self.ledger = ledger
        self.largestGrowth = largestGrowth
        constants = graph.constantNames
    }

    /// Replaces the node by its outputs if they are constant and worth storing.
    mutating func fold(_ node: Node) throws {
        let inputs = node.inputs.map { $0.isEmpty ? nil : known[$0] ?? graph.initializers[$0] }
        let isConstant = zip(node.inputs, inputs).allSatisfy { $0.isEmpty || $1 != nil }
        let inferred = node.outputs.compactMap { graph.infos[$0]?.constant }
        guard isConstant || inferred.count == node.outputs.count, !Self.isKept(node), node.op.bodies.isEmpty else { return }
        if isConstant, node.op.passing(of: node, in: index) == .unchanged, let output = node.output(0), !index.isOutput(output) {
            return bypass(node, output)
        }
        func isTooLarge(_ size: Int) -> Bool {
            guard size > largestGrowth, size > freedByteCount(by: node), !node.inputs.isEmpty else { return false }
            ledger.skip(node.name, "its result would take \(size) bytes, more than what it takes the place of")
            return true
        }
        // What is known to be too large is not computed.
        if let size = graph.byteCount(ofOutputsOf: node), isTooLarge(size) { return }
        guard let results = inferred.count == node.outputs.count ? inferred : try Self.run(node, inputs: inputs) else { return }
        if isTooLarge(results.reduce(0) { $0 + $1.byteCount }) { return }
        edit.removedNodes.insert(node.name)
        let parameters = zip(node.inputs, inputs).filter { $1?.elementType.isFloatingPoint == true && !constants.contains($0) }
        if parameters.isEmpty, !constants.isDisjoint(with: node.inputs) { constants.formUnion(node.outputs.filter { !$0.isEmpty }) }
        for (name, tensor) in zip(node.outputs, results) where !name.isEmpty {
            known[name] = tensor
            edit.initializers.append((name, tensor))
        }
        ledger.note(Finding(node.name, .done, .nodes, before: 1, after: 0, reason: "depends on constants only"))
    }

    /// Lets readers read the constant itself.
    private mutating func bypass(_ node: Node, _ output: ValueName) {
        let source = edit.rewired[node.inputs[0]] ?? node.inputs[0]
        known[output] = known[node.inputs[0]] ?? graph.initializers[node.inputs[0]]
        edit.removedNodes.insert(node.name)
        edit.rewired[output] = source
        aliases[source, default: []].append(output)
        ledger.note(Finding(node.name, .done, .nodes, before: 1, after: 0, reason: "changes nothing"))
    }

    /// The bytes of constants that nothing reads any more once the node is gone too.
    private func freedByteCount(by node: Node) -> Int {
        Set(node.inputs.map { edit.rewired[$0] ?? $0 }).reduce(0) { sum, name in
            let isFreed = ([name] + (aliases[name] ?? [])).allSatisfy { name in
                !index.isOutput(name)
                    && index.consumers(of: name).allSatisfy { $0.name == node.name || edit.removedNodes.contains($0.name) }
            }
            return sum + (isFreed ? (known[name] ?? graph.initializers[name])?.byteCount ?? 0 : 0)
        }
    }

    private static func isKept(_ node: Node) -> Bool {
        node.op.inputRoles[1] == .scale || node.op.draws || node.notes.isMask
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
