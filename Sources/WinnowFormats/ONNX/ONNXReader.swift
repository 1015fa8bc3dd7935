import SwiftProtobuf
import WinnowGraph
import WinnowTensor

/// Turns a decoded model into a graph.
struct ONNXReader {
    /// The operator sets of ONNX's own domain that operators are written against.
    static let supportedVersions = 1...28

    private let model: Onnx_ModelProto
    /// The model's graph without calls of functions.
    private let main: Onnx_GraphProto
    /// The operator sets of nodes that come from functions, by their names.
    private let functionOpsets: [String: [String: Int]]
    private let registry: OperatorRegistry
    private let external: ExternalDataReader
    private let metadata: GraphMetadata

    init(_ model: Onnx_ModelProto, registry: OperatorRegistry, external: ExternalDataReader) throws {
        self.model = model
        self.registry = registry
        self.external = external
        var inliner = FunctionInliner(model.functions)
        main = try inliner.inlined(model.graph)
        functionOpsets = inliner.opsets
        metadata = try GraphMetadata(model)
    }

    func graph() throws -> Graph {
        let content = try content(of: main, in: nil)
        if let name = content.missing.first {
            throw WinnowError(.model, "value \(name)", "is read but produced nowhere", remedy: "the file is probably damaged")
        }
        let inputs = try content.inputs.map { input in
            let tensor = content.defaults[input.name]
            let own = tensor.map { ValueType($0.elementType, $0.shape) }
            let type = input.type.value == nil ? own : try ValueType(input.type, of: "input \(input.name)")
            guard let type = type.flatMap({ type in own.map { type.accepts($0) } ?? true ? type : own }) ?? own else {
                throw WinnowError(.model, "input \(input.name)", "has no type")
            }
            return GraphInput(input.name, type, defaultValue: tensor)
        }
        return try Graph(
            name: model.graph.name, inputs: inputs, outputs: model.graph.output.map(\.name), nodes: content.nodes,
            initializers: content.initializers, metadata: try metadata(of: main, content)
        ).tellingCaptures()
    }

    /// The file's metadata with what a graph says of itself; bodies may leave the types of their outputs out.
    private func metadata(of proto: Onnx_GraphProto, _ content: Content) throws -> GraphMetadata {
        var metadata = metadata
        for output in proto.output where output.type.value != nil {
            metadata.outputTypes[output.name] = try ValueType(output.type, of: "output \(output.name)")
        }
        metadata.graphNotes = proto.notes
        metadata.declaredValues = Set(proto.valueInfo.map(\.name))
        metadata.valueNotes = proto.valueNotes
        for name in proto.exportedConstants { metadata.valueNotes[name, default: ValueNotes()].tensor.isConstant = true }
        for (name, notes) in content.constantNotes { metadata.valueNotes[name, default: ValueNotes()].tensor = notes }
        return metadata
    }

    /// A control-flow body, which may read values of the graphs around it.
    private func body(_ proto: Onnx_GraphProto, in scope: Scope) throws -> Graph {
        let content = try content(of: proto, in: scope)
        var inputs: [GraphInput] = []
        for input in content.inputs {
            // Bodies may leave the types of their inputs out.
            let type = input.type.value != nil ? try ValueType(input.type, of: "input \(input.name)") : .unknown
            inputs.append(GraphInput(input.name, type))
        }
        let captures = content.missing.union(proto.output.map(\.name).filter { !content.scope.declares($0) })
        return try Graph(
            name: proto.name, inputs: inputs, outputs: proto.output.map(\.name), nodes: content.nodes,
            initializers: content.initializers,
            captures: Dictionary(captures.map { ($0, scope.type(of: $0)) }, uniquingKeysWith: { $1 }),
            metadata: try metadata(of: proto, content))
    }

    /// What a graph's message holds, weights decoded.
    private struct Content {
        /// What is said of nodes that became initializers, by these.
        var constantNotes: [ValueName: Notes] = [:]
        var inputs: [Onnx_ValueInfoProto] = []
        var initializers: [(name: ValueName, tensor: Tensor)] = []
        /// What inputs hold where the caller supplies nothing.
        var defaults: [ValueName: Tensor] = [:]
        var nodes: [Node] = []
        /// Values that nodes read and the graph does not have.
        var missing: Set<ValueName> = []
        var scope: Scope
    }

    private func content(of proto: Onnx_GraphProto, in parent: Scope?) throws -> Content {
        var content = Content(scope: Scope(proto, parent: parent))
        var names = NodeNames(proto.node.map(\.name))
        try addInitializers(of: proto, isBody: parent != nil, to: &content, &names)
        try addNodes(of: proto, to: &content, &names)
        for node in content.nodes {
            let read = node.inputs + node.op.capturedValues
            content.missing.formUnion(read.filter { !$0.isEmpty && !content.scope.declares($0) })
        }
        return content
    }

    /// Adds the constants of a graph, and the inputs that are none.
    private func addInitializers(of proto: Onnx_GraphProto, isBody: Bool, to content: inout Content, _ names: inout NodeNames) throws {
        let listed = Set(proto.input.map(\.name))
        var constants: Set<ValueName> = []
        for (index, initializer) in proto.initializer.enumerated() {
            guard !initializer.name.isEmpty else { throw WinnowError(.model, "an initializer", "has no name") }
            if initializer.isForeign, metadata.irVersion <= 3 || !listed.contains(initializer.name) {
                let name = names.name(for: "", operatorName: "Constant", index: index)
                content.nodes.append(try node(Onnx_NodeProto(constant: initializer), named: name, scope: content.scope))
                constants.insert(initializer.name)
                continue
            }
            let tensor = try Tensor(initializer, subject: "initializer \(initializer.name)", external: external)
            content.initializers.append((initializer.name, tensor))
        }
        for sparse in proto.sparseInitializer {
            let name = sparse.values.name
            guard !name.isEmpty else { throw WinnowError(.model, "a sparse initializer", "has no name") }
            content.initializers.append((name, try Tensor(sparse, subject: "initializer \(name)", external: external)))
        }
        // Up to IR version 3 all initializers are listed as inputs and are constants; later, inputs with default values.
        if !isBody, metadata.irVersion > 3, content.initializers.contains(where: { listed.contains($0.name) }) {
            content.defaults = Dictionary(
                content.initializers.filter { listed.contains($0.name) }.map { ($0.name, $0.tensor) }, uniquingKeysWith: { $1 })
            content.initializers.removeAll { listed.contains($0.name) }
        }
        constants.formUnion(content.initializers.map(\.name))
        content.inputs = proto.input.filter { !constants.contains($0.name) }
    }

    /// Adds the nodes of a graph, of which some are constants.
    private func addNodes(of proto: Onnx_GraphProto, to content: inout Content, _ names: inout NodeNames) throws {
        var vectors = Dictionary(content.initializers.filter { $0.tensor.shape.rank <= 1 }.map { ($0.name, $0.tensor) }, uniquingKeysWith: { $1 })
        let results = Set(proto.output.map(\.name))
        // Beside stored weights constants are scales, positions, ones and zeros; older exporters of other frameworks store nothing.
        let stored = content.initializers.map(\.tensor) + content.defaults.values
        let storesWeights = stored.contains { $0.rank > 1 }
        for (index, node) in proto.node.enumerated() {
            let name = names.name(for: node.name, operatorName: node.opType, index: index)
            do {
                try node.checkAttributes()
                if node.isConstant, try node.attribute.first?.foreignConstantType() == nil {
                    let (name, tensor) = (node.output.first ?? "", try constant(node))
                    content.initializers.append((name, tensor))
                    var notes = node.notes
                    if storesWeights, tensor.rank > 0, tensor.elementType.isFloatingPoint { notes.isConstant = true }
                    if !notes.isEmpty { content.constantNotes[name] = notes }
                } else if node.isIdentity, let vector = vectors[node.input[0]], !results.contains(node.output[0]) {
                    // Exporters write one of several equal vectors so, though training moves each on its own.
                    content.initializers.append((node.output[0], vector))
                    vectors[node.output[0]] = vector
                } else {
                    content.nodes.append(try self.node(node, named: name, scope: content.scope))
                }
            } catch let error as WinnowError { throw error.within("node \(name) (\(node.opType))") }
        }
    }

    private func node(_ proto: Onnx_NodeProto, named name: String, scope: Scope) throws -> Node {
        let domain = Self.domain(proto.domain)
        let type = OperatorType(proto.opType, domain: domain)
        let constantType = proto.isConstant ? try proto.attribute.first?.foreignConstantType() : nil
        let isKnown = registry.contains(type) && constantType == nil
        var attributes = Attributes()
        for attribute in proto.attribute {
            attributes[attribute.name] = try attribute.attribute(external: external, ofKnown: isKnown) { try body($0, in: scope) }
        }
        (attributes.inputCount, attributes.outputCount) = (proto.input.count, proto.output.count)
        attributes.namedOutputCount = proto.output.count { !$0.isEmpty }
        guard let version = functionOpsets[proto.name]?[domain] ?? metadata.opsets[domain] else {
            throw WinnowError(.model, "", "the file names no operator-set version for domain \"\(domain)\"")
        }
        var op: any Operator =
            constantType == nil ? try registry.makeOperator(type, attributes: attributes, version: version)
            : UnknownOperator(type, attributes: attributes, version: version)
        if var unknown = op as? UnknownOperator {
            let declared = proto.output.map { constantType ?? scope.declaredType(of: $0) }
            let count = (declared.lastIndex { $0 != nil } ?? -1) + 1
            unknown.outputTypes = Array(declared[..<count])
            op = unknown
        }
        return Node(name: name, op: op, inputs: proto.input, outputs: proto.output, notes: proto.notes)
    }

    /// The tensor a Constant node stands for.
    private func constant(_ node: Onnx_NodeProto) throws -> Tensor {
        guard node.output.count == 1, !node.output[0].isEmpty, let attribute = node.attribute.first else {
            throw WinnowError(.model, "", "a constant has one output and one value")
        }
        switch try attribute.attribute(external: external, body: { _ in throw WinnowError(.model, "", "is no constant") }) {
        case .tensor(let tensor): return tensor
        case .float(let value): return Tensor(scalar: value)
        case .int(let value): return Tensor(scalar: Int64(value))
        case .floats(let values): return Tensor(values)
        case .ints(let values): return Tensor(values.map { Int64($0) })
        case .string, .strings, .graph, .graphs, .type, .encoded: throw WinnowError(.model, "", "is no constant")
        }
    }

    /// ONNX's own domain has two names.
    static func domain(_ name: String) -> String { name == "ai.onnx" ? "" : name }
}

extension Onnx_NodeProto {
    /// A Constant that gives a tensor.
    fileprivate init(constant tensor: Onnx_TensorProto) {
        self.init()
        (opType, output) = ("Constant", [tensor.name])
        attribute = [Onnx_AttributeProto.with { ($0.name, $0.type, $0.t) = ("value", .tensor, tensor) }]
    }

    /// Throws for an attribute that is given twice: nobody knows which one counts.
    fileprivate func checkAttributes() throws {
        var names: Set<String> = []
        for attribute in attribute where !names.insert(attribute.name).inserted {
            throw WinnowError(.model, "attribute \(attribute.name)", "is given twice")
        }
    }

    fileprivate var isConstant: Bool { opType == "Constant" && ONNXReader.domain(domain).isEmpty }

    fileprivate var isIdentity: Bool {
        opType == "Identity" && ONNXReader.domain(domain).isEmpty && input.count == 1 && output.count == 1
    }
}

/// Unique names for nodes: the file's own where they are, else operator and index.
private struct NodeNames {
    private var taken: Set<String>
    private var seen: Set<String> = []

    init(_ names: [String]) { taken = Set(names) }

    mutating func name(for own: String, operatorName: String, index: Int) -> String {
        if !own.isEmpty, seen.insert(own).inserted { return own }
        var name = "\(operatorName)_\(index)"
        var number = 1
        while !taken.insert(name).inserted {
            name = "\(operatorName)_\(index)_\(number)"
            number += 1
        }
        return name
    }
}
