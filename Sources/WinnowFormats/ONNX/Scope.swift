import WinnowGraph
import WinnowTensor

/// The values that the nodes of a graph can name, and what the file says of their types.
final class Scope {
    private let parent: Scope?
    private let names: Set<ValueName>
    private var declarations: [ValueName: Onnx_TypeProto] = [:]
    private var initializers: [ValueName: ValueType] = [:]

    init(_ graph: Onnx_GraphProto, parent: Scope?) {
        self.parent = parent
        let tensors = graph.initializer.map { ($0.name, $0.dataType, $0.dims) }
            + graph.sparseInitializer.map { ($0.values.name, $0.values.dataType, $0.dims) }
        var names = Set(graph.input.map(\.name)).union(tensors.map(\.0))
        for node in graph.node { names.formUnion(node.output) }
        self.names = names
        for info in graph.input + graph.valueInfo + graph.output where info.hasType { declarations[info.name] = info.type }
        for (name, dataType, dims) in tensors {
            guard let type = try? ElementType(onnx: dataType, of: ""), let shape = try? Shape(checking: dims, of: "") else { continue }
            initializers[name] = ValueType(type, shape)
        }
    }

    /// Whether the graph itself has the value.
    func declares(_ name: ValueName) -> Bool { names.contains(name) }

    /// The type the file gives the value in this graph; nil where it says nothing usable.
    func declaredType(of name: ValueName) -> ValueType? {
        if let type = initializers[name] { return type }
        return declarations[name].flatMap { try? ValueType($0, of: name) }
    }

    /// The type of a value of this graph or one around it.
    func type(of name: ValueName) -> ValueType {
        if declares(name) { return declaredType(of: name) ?? .unknown }
        return parent?.type(of: name) ?? .unknown
    }
}
