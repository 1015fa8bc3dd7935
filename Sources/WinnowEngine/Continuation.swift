import WinnowGraph
import WinnowTensor

/// What a plan leaves for later because it depends on contents: some nodes that are computed one by one, then the rest of
/// the graph, planned for the shapes that came out of them.
final class Continuation {
    /// Computed first: everything they read is there.
    private let nodes: [Node]
    private let rest: [Node]
    private let graph: Graph
    private let options: SessionOptions
    private let constants: [ValueName: Tensor]
    /// What the rest reads of the plan before.
    private let entries: [ValueName]
    /// What the rest reads of the results of `nodes`.
    private let handedOn: Set<ValueName>
    private let bodies: [String: Bodies]
    private var results: [ValueName: Datum] = [:]
    private var plans: [[ValueType]: Plan] = [:]
    private(set) var plan: Plan?

    /// Rests for shapes met so far are kept up to this number.
    private static let planLimit = 32

    init(
        _ nodes: [Node], rest: [Node], of graph: Graph, constants: [ValueName: Tensor], entries: [ValueName],
        _ options: SessionOptions
    ) throws {
        self.nodes = nodes
        self.rest = rest
        self.graph = graph
        self.constants = constants
        self.entries = entries
        self.options = options
        handedOn = Set(nodes.flatMap(\.outputs)).intersection(rest.flatMap(\.readValues))
        bodies = Dictionary(
            try nodes.filter { !$0.op.bodies.isEmpty }.map { ($0.name, try Bodies(of: $0, constants: constants, options)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Goes on after `first` ran.
    func execute(after first: Plan) throws {
        results.removeAll(keepingCapacity: true)
        plan = nil
        for node in nodes {
            for (name, datum) in zip(node.outputs, try outputs(of: node, after: first)) where !name.isEmpty { results[name] = datum }
        }
        guard !rest.isEmpty else { return }
        var inputs = results.filter { handedOn.contains($0.key) }
        for name in entries { inputs[name] = first.datum(name) }
        let next = try plan(for: inputs)
        for (name, datum) in inputs { try next.setInput(name, datum) }
        try next.execute()
        plan = next
    }

    /// The result or the rest's output of this name, after execution.
    func datum(_ name: ValueName) -> Datum? { results[name] ?? plan?.datum(name) }

    /// What was computed one by one, then the steps of the rest, as the last execution had them.
    func steps(after first: Plan) -> [Plan.Step] {
        let own = nodes.map { node in
            Plan.Step(
                nodeName: node.name, operatorType: "\(node.op.type)", outputShape: node.output(0).flatMap { results[$0]?.tensor?.shape } ?? [],
                layout: .rowMajor, kernel: Kernel { _ in _ = try self.outputs(of: node, after: first) }, operands: first.noOperands)
        }
        return own + (plan?.steps ?? [])
    }

    private func outputs(of node: Node, after first: Plan) throws -> [Datum?] {
        do { return try compute(node) { constants[$0].map { .tensor($0) } ?? first.datum($0) } } catch let error as WinnowError {
            throw error.subject.contains(node.name) ? error : error.within("node \(node.name) (\(node.op.type))")
        }
    }

    private func compute(_ node: Node, _ value: (ValueName) -> Datum?) throws -> [Datum?] {
        let inputs = node.inputs.map { $0.isEmpty ? nil : value($0) }
        let infos = node.inputs.map { graph.infos[$0] }
        guard let op = node.op as? any InterpretedOperator, op.isInterpreted(for: infos) else {
            guard inputs.allSatisfy({ $0 == nil || $0?.tensor != nil }) else {
                throw WinnowError(.unsupported, "", "takes tensors of numbers, but an input is of texts, a list or nothing")
            }
            return try node.computed(inputs.map { $0?.tensor }, options).map { $0.map { .tensor($0) } }
        }
        let captured = Dictionary(
            op.capturedValues.compactMap { name in value(name).map { (name, $0) } }, uniquingKeysWith: { first, _ in first })
        return try op.compute(inputs) { name, inputs in
            guard let bodies = bodies[node.name] else { throw WinnowError(.model, name, "is no body") }
            return try bodies.run(name, inputs, captured: captured)
        }
    }

    private func plan(for inputs: [ValueName: Datum]) throws -> Plan {
        let names = inputs.keys.sorted()
        let known = names.compactMap { name in
            inputs[name].map { GraphInput(name, $0.type(declared: self.graph.infos[name]?.type ?? .unknown)) }
        }
        let key = known.map(\.type)
        if let plan = plans[key] { return plan }
        let (read, made) = (Set(rest.flatMap(\.readValues)), Set(rest.flatMap(\.outputs)))
        var graph = try Graph(
            name: graph.name, inputs: known, outputs: graph.outputs.filter { made.contains($0) },
            nodes: rest, initializers: constants.filter { read.contains($0.key) }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            metadata: graph.metadata)
        if options.lowers { graph = try graph.settlingControlFlow() }
        if plans.count >= Self.planLimit { plans.removeAll() }
        let plan = try Plan(graph, options: options)
        plans[key] = plan
        return plan
    }
}

extension Node {
    /// The outputs for these inputs, computed at once without a plan; shapes may depend on contents.
    func computed(_ inputs: [Tensor?], _ options: SessionOptions) throws -> [Tensor?] {
        let infos = try op.checkedOutputs(for: inputs.map { $0.map { ValueInfo(constant: $0) } })
        let known = outputs.enumerated().map { index, name in name.isEmpty || index >= infos.count ? nil : infos[index] }
        if known.allSatisfy({ $0 == nil || $0?.constant != nil }) { return known.map { $0?.constant } }
        let results = try known.compactMap { $0 }.map { info -> OperandPlan in
            guard let shape = info.shape else {
                throw WinnowError(.unsupported, "", "the shape of its result (\(info.type)) cannot be told")
            }
            try MemoryBudget.check(info.elementType.byteCount(of: shape.elementCount), for: "its result")
            return OperandPlan(shape: shape, elementType: info.elementType)
        }
        let operands = inputs.map { tensor in
            tensor.map { OperandPlan(shape: $0.shape, elementType: $0.elementType, constant: $0) }
        }
        let kernel = try op.checkedKernel(
            for: KernelRequest(nodeName: name, inputs: operands, outputs: results, arithmetic: options.arithmetic))
        try MemoryBudget.check(kernel.scratchByteCount, for: name)
        if kernel.placement == .view { return [results.first.flatMap { inputs.first??.reshaped($0.shape) }] }
        let tensors = known.map { info in info.flatMap { info in info.shape.map { Tensor(zeros: $0, info.elementType) } } }
        try kernel.runOnce(inputs, tensors)
        return tensors
    }
}
