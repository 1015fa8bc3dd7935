public import WinnowTensor

/// Builds a graph value by value; types are inferred as nodes are added.
///
/// ```swift
/// let b = GraphBuilder("mlp")
/// let x = try b.input("image", .float32, ["N", 784])
/// let h = try b.add("Relu", b.add("Gemm", x, b.constant("w", w), b.constant("b", bias)))
/// let graph = try b.graph(outputs: [h])
/// ```
public final class GraphBuilder {
    private let name: String
    private var inputs: [GraphInput] = []
    private var nodes: [Node] = []
    private var initializers: [(name: ValueName, tensor: Tensor)] = []
    private var infos: [ValueName: ValueInfo] = [:]
    private var nodeNames: Set<String> = []
    /// The numbers to try next for names that are taken.
    private var valueNumbers: [String: Int] = [:]
    private var nodeNumbers: [String: Int] = [:]
    /// The index in `nodes` from which nodes are new (a builder may continue an existing graph).
    private let base: Graph?
    package var updates: [ValueName: ValueName] = [:]

    /// A builder of a new graph.
    public init(_ name: String) {
        self.name = name
        base = nil
    }

    /// Continues an existing graph: its values can be read.
    package init(extending graph: Graph) {
        name = graph.name
        base = graph
    }

    /// Adds an input that the caller supplies and gives its name; extents are numbers or names such as `"N"`.
    /// Throws `.model` if the name is taken.
    public func input(_ name: ValueName, _ elementType: ElementType, _ extents: [Extent]) throws -> ValueName {
        let type = ValueType(elementType, extents)
        guard info(of: name) == nil else { throw WinnowError(.model, "input \(name)", "the name is taken") }
        inputs.append(GraphInput(name, type))
        infos[name] = ValueInfo(type)
        return name
    }

    /// Adds a constant, a parameter where it is trained, and gives its name; a taken name gets a number.
    public func constant(_ name: String, _ tensor: Tensor) -> ValueName {
        let name = freshName(name)
        initializers.append((name, tensor))
        infos[name] = ValueInfo(constant: tensor)
        return name
    }

    package func constant<Scalar: TensorScalar>(_ name: String, scalar: Scalar) -> ValueName {
        constant(name, Tensor(scalar: scalar))
    }

    /// Adds a node and gives its first output.
    package func add(_ op: any Operator, _ inputs: ValueName?..., name: String? = nil) throws -> ValueName {
        try add(op, inputs: inputs, name: name)[0]
    }

    /// Adds a node and gives its first `outputs` outputs, named after the node.
    package func add(_ op: any Operator, inputs: [ValueName?], outputs count: Int = 1, name: String? = nil) throws
        -> [ValueName]
    {
        let known = inputs.map { $0.flatMap { info(of: $0) } }
        let nodeName = freshNodeName(name ?? op.type.name.lowercased())
        let results: [ValueInfo]
        do { results = try op.checkedOutputs(for: known) } catch let error as WinnowError {
            throw error.within("node \(nodeName) (\(op.type))")
        }
        guard results.count >= count else {
            throw WinnowError(.model, "node \(nodeName) (\(op.type))", "has \(results.count) outputs, not \(count)")
        }
        let outputs = (0..<count).map { freshName(count == 1 ? nodeName : "\(nodeName).\($0)") }
        for (output, info) in zip(outputs, results) { infos[output] = info }
        nodes.append(Node(name: nodeName, op: op, inputs: inputs.map { $0 ?? "" }, outputs: outputs))
        return outputs
    }

    /// The type of a value so far; nil if there is none of this name.
    public func type(of value: ValueName) -> ValueType? { info(of: value)?.type }

    /// What is known of a value so far.
    package func info(of value: ValueName) -> ValueInfo? { infos[value] ?? base?.infos[value] }

    /// Gives the last node's first output the name `output`, for values whose names users see.
    package func renameLastOutput(to output: ValueName) -> ValueName {
        guard let old = nodes.last?.outputs.first, info(of: output) == nil else { return nodes.last?.outputs.first ?? output }
        nodes[nodes.count - 1].outputs[0] = output
        infos[output] = infos.removeValue(forKey: old)
        return output
    }

    /// The verified graph with these outputs, in this order.
    public func graph(outputs: [ValueName], metadata: GraphMetadata = GraphMetadata()) throws -> Graph {
        if base != nil {
            throw WinnowError(.model, name, "a builder that extends a graph gives an edit, not a graph")
        }
        return try Graph(
            name: name, inputs: inputs, outputs: outputs, nodes: nodes, initializers: initializers, updates: updates,
            metadata: metadata)
    }

    /// What was added, as an edit of the graph the builder extends.
    package func edit() -> GraphEdit {
        var edit = GraphEdit()
        edit.addedNodes = nodes
        edit.initializers = initializers
        edit.addedInputs = inputs
        edit.updates = updates
        return edit
    }

    /// The operator-set version that operators of this domain are read as.
    package func version(of domain: String) -> Int { (base?.metadata ?? GraphMetadata()).version(of: domain) }

    private func freshName(_ wanted: String) -> ValueName {
        Self.fresh(wanted, &valueNumbers) { !$0.isEmpty && info(of: $0) == nil }
    }

    /// A name that no node has yet, nor will have.
    package func freshNodeName(_ wanted: String) -> String {
        Self.fresh(wanted, &nodeNumbers) { base?.nodePlaces[$0] == nil && nodeNames.insert($0).inserted }
    }

    /// The name, or the name with the first number behind it that is free.
    private static func fresh(_ wanted: String, _ numbers: inout [String: Int], _ isFree: (String) -> Bool) -> String {
        if isFree(wanted) { return wanted }
        var number = numbers[wanted] ?? 1
        while !isFree("\(wanted)_\(number)") { number += 1 }
        numbers[wanted] = number
        return "\(wanted)_\(number)"
    }
}
