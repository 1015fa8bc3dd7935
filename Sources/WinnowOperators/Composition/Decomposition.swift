package import WinnowGraph
import WinnowTensor

/// An operator that is nothing but others put together.
///
/// Plans and training replace it by its parts; shapes are inferred through them, and a kernel of its own runs them one
/// after the other.
package protocol Decomposition: Operator {
    /// Adds the parts; gives the values that stand for the outputs. Omitted inputs are nil.
    func decompose(_ builder: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName]

    /// What comes out while the parts are not known yet.
    func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo]
}

extension Decomposition {
    package func undeterminedOutputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        [ValueInfo(try inputs.required(0).elementType, nil)]
    }

    /// A graph of the parts alone, inputs named by position; nil while the rank of an input is not known.
    func parts(_ inputs: [ValueInfo?]) throws -> (builder: GraphBuilder, outputs: [ValueName])? {
        let builder = GraphBuilder(type.name)
        let names = try inputs.enumerated().map { index, info -> ValueName? in
            guard let info else { return nil }
            if let constant = info.constant { return builder.constant(Self.inputName(index), constant) }
            guard let extents = info.extents else { throw UndeterminedShape() }
            // Parts may list indices and masks of the extents.
            guard extents.reduce(1.0, { $0 * Double($1.value ?? 1) }) <= 0x1p31 else {
                throw WinnowError(.unsupported, Self.inputName(index), "has more than 2³¹ elements: \(info.type)")
            }
            return try builder.input(Self.inputName(index), info.elementType, extents)
        }
        return (builder, try decompose(builder, names))
    }

    static func inputName(_ index: Int) -> ValueName { "input.\(index)" }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        do {
            guard let (builder, outputs) = try parts(inputs) else { return [] }
            return outputs.map { builder.info(of: $0) ?? ValueInfo(.float32, nil) }
        } catch is UndeterminedShape {
            return try undeterminedOutputs(for: inputs)
        }
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try sequenceKernel(request) }

    /// Those of the parts.
    package func multiplyAccumulates(inputs: [ValueInfo?], outputs: [ValueInfo?]) -> Int?? {
        guard let (builder, results) = (try? parts(inputs)) ?? nil, let graph = try? builder.graph(outputs: results) else { return .none }
        let counts = graph.multiplyAccumulates()
        return counts.isEmpty ? .none : .some(counts.total)
    }

    /// The kernels of the parts one after the other.
    func sequenceKernel(_ request: KernelRequest) throws -> Kernel {
        let undetermined = WinnowError(.unsupported, request.nodeName, "the shape of its result depends on data")
        let known: (builder: GraphBuilder, outputs: [ValueName])?
        do { known = try parts(request.inputs.map { $0.map(ValueInfo.init(operand:)) }) } catch is UndeterminedShape {
            throw undetermined
        }
        guard let (builder, outputs) = known else { throw undetermined }
        let graph = try builder.graph(outputs: outputs)
        var sources: [ValueName: Int] = [:]
        for index in request.inputs.indices { sources[Self.inputName(index)] = index }
        let sequence = try KernelSequence(graph, inputs: sources, arithmetic: request.arithmetic)
        return Kernel(scratchByteCount: sequence.scratchByteCount) { try sequence.run($0) }
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try inlined(node, in: graph) }
    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try inlined(node, in: graph) }

    /// An edit that puts the parts in the place of the node.
    func inlined(_ node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try graph.inlining(node) { try decompose($0, node.inputs.map { $0.isEmpty ? nil : $0 }) }
    }
}

extension GraphIndex {
    /// An edit that puts in the place of a node what `build` adds, which gives the values that stand for the outputs; nil
    /// while something that it needs is not known.
    func inlining(_ node: Node, _ build: (GraphBuilder) throws -> [ValueName]) throws -> GraphEdit? {
        let builder = GraphBuilder(extending: graph)
        let results: [ValueName]
        do { results = try build(builder) } catch is UndeterminedShape { return nil }
        var edit = builder.edit()
        var names: [ValueName: ValueName] = [:]
        var given: Set<ValueName> = []
        for name in edit.initializers.map(\.name) + edit.addedNodes.flatMap(\.outputs) {
            var fresh = graph.freshValueName("\(node.name).\(name)")
            while !given.insert(fresh).inserted { fresh = graph.freshValueName("\(fresh)_") }
            names[name] = fresh
        }
        for (result, output) in zip(results, node.outputs) where !output.isEmpty { names[result] = output }
        edit.initializers = edit.initializers.map { (names[$0.name] ?? $0.name, $0.tensor) }
        edit.addedNodes = edit.addedNodes.map { part in
            let outputs = part.outputs.map { names[$0] ?? $0 }
            // What gives the result is the node in another form.
            let name = outputs.first == node.output(0) ? node.name : builder.freshNodeName("\(node.name).\(part.name)")
            return Node(name: name, op: part.op, inputs: part.inputs.map { names[$0] ?? $0 }, outputs: outputs)
        }
        edit.removedNodes = [node.name]
        return edit
    }
}

/// The parts depend on extents that are not known yet.
struct UndeterminedShape: Error {}
