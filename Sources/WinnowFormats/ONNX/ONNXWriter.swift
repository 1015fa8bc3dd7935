import SwiftProtobuf
import WinnowGraph
import WinnowTensor

/// Turns a graph into a message to encode.
struct ONNXWriter {
    let external: ExternalDataWriter?

    func encoder(_ graph: Graph) throws -> ONNXEncoder {
        guard graph.updates.isEmpty else {
            throw WinnowError(.unsupported, "graph \(graph.name)", "updates values while training, which ONNX files do not hold")
        }
        let metadata = graph.metadata
        let graph = try graph.agreeingOnVersions()
        let versions = FileVersions(graph)
        var model = Onnx_ModelProto()
        model.irVersion = Int64(versions.irVersion)
        model.opsetImport = versions.opsets.sorted { $0.key < $1.key }.map { domain, version in
            Onnx_OperatorSetIdProto.with { entry in
                entry.domain = domain
                entry.version = Int64(version)
            }
        }
        model.add(metadata)
        model.graph = try self.graph(graph, external: external, isBody: false)
        for index in model.graph.output.indices where !model.graph.output[index].hasType {
            // Without a type a model is not valid; inside a body it is.
            let name = model.graph.output[index].name
            model.graph.output[index] = try Onnx_ValueInfoProto(name: name, type: graph.infos[name]?.type ?? .unknown)
        }
        let elements = zip(graph.writtenInitializers, model.graph.initializer).map { written, proto in
            proto.dataLocation == .external ? nil : written.tensor
        }
        return try ONNXEncoder(model, elements: elements)
    }

    private func graph(_ graph: Graph, external: ExternalDataWriter?, isBody: Bool) throws -> Onnx_GraphProto {
        var proto = Onnx_GraphProto()
        // A graph without a name is not valid ONNX.
        proto.name = graph.name.isEmpty ? "graph" : graph.name
        proto.input = try graph.inputs.map { input in
            try Onnx_ValueInfoProto(name: input.name, type: isBody && input.type == .unknown ? nil : input.type)
        }
        proto.initializer = graph.writtenInitializers.map {
            Onnx_TensorProto($0.tensor, name: $0.name, external: external, withElements: isBody)
        }
        proto.node = try graph.nodes.map(node)
        proto.output = try graph.outputs.map { name in
            let declared = graph.metadata.outputTypes[name]
            return try Onnx_ValueInfoProto(name: name, type: certainType(of: name, in: graph)?.completed(by: declared) ?? declared)
        }
        proto.valueInfo = try valueInfos(of: graph)
        proto.addNotes(of: graph)
        return proto
    }

    /// The types of the values inside that the file declared, and of those that something is said of.
    private func valueInfos(of graph: Graph) throws -> [Onnx_ValueInfoProto] {
        let (declared, notes) = (graph.metadata.declaredValues, graph.metadata.valueNotes)
        guard !declared.isEmpty || !notes.isEmpty else { return [] }
        let outputs = Set(graph.outputs)
        return try graph.nodes.flatMap(\.outputs).compactMap { name in
            let type = certainType(of: name, in: graph)
            let isNoted = !(notes[name]?.notes.isEmpty ?? true)
            guard !outputs.contains(name), isNoted || (declared.contains(name) && type != nil) else { return nil }
            return try Onnx_ValueInfoProto(name: name, type: type)
        }
    }

    private func node(_ node: Node) throws -> Onnx_NodeProto {
        guard node.op.type.domain != OperatorType.planDomain else {
            throw WinnowError(
                .unsupported, "node \(node.name)", "is a \(node.op.type.name), which only plans and training have",
                remedy: "this is a fault of the pass that made it")
        }
        var proto = Onnx_NodeProto()
        proto.name = node.name
        proto.opType = node.op.type.name
        if !node.op.type.domain.isEmpty { proto.domain = node.op.type.domain }
        proto.input = node.inputs
        proto.output = node.outputs
        proto.notes = node.notes
        let attributes = node.op.attributes
        proto.attribute = try attributes.names.compactMap { name in
            try attributes[name].map { try Onnx_AttributeProto(name: name, $0) { try graph($0, external: nil, isBody: true) } }
        }
        return proto
    }

    /// The type of a value; nil where it is partly unknown. A wrong type makes readers refuse the file.
    private func certainType(of name: ValueName, in graph: Graph) -> ValueType? {
        guard let info = graph.infos[name], !info.isGuess, info.extents != nil || info.type.foreign != nil else { return nil }
        return info.type
    }
}

extension ValueType {
    /// The type with extents whose numbers it does not know as a file declares them, by number or name.
    fileprivate func completed(by declared: ValueType?) -> ValueType {
        guard let extents, let declared, let others = declared.extents, accepts(declared) else { return self }
        var result = self
        result.extents = zip(extents, others).map { $0.value == nil && $1 != .unknown ? $1 : $0 }
        return result
    }
}

extension Graph {
    /// What a file has as initializers: constants, then the default values of inputs.
    fileprivate var writtenInitializers: [(name: ValueName, tensor: Tensor)] {
        namedInitializers + inputs.compactMap { input in input.defaultValue.map { (input.name, $0) } }
    }
}

/// The operator-set and format versions a file must name so that all its nodes mean what they should.
private struct FileVersions {
    let opsets: [String: Int]
    private(set) var irVersion: Int

    /// The first format version that goes with each operator set from 9 on.
    private static let irVersions: [Int: Int] = [
        9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12,
        25: 13, 26: 13, 27: 13, 28: 14,
    ]

    init(_ graph: Graph) {
        opsets = graph.neededVersions
        // Before format version 4, initializers had to be inputs too.
        irVersion = max(4, graph.metadata.irVersion, Self.irVersions[opsets[""] ?? 0] ?? 4)
        add(graph)
    }

    private mutating func add(_ graph: Graph) {
        for info in graph.infos.values { add(info.elementType) }
        for node in graph.nodes {
            for body in node.op.bodies.values { add(body) }
            for attribute in node.op.attributes.values.values {
                if case .tensor(let tensor) = attribute { add(tensor.elementType) }
            }
        }
    }

    private mutating func add(_ type: ElementType) {
        let needed =
            switch type {
            case .int2, .uint2: 13
            case .float8E8M0: 12
            case .float4E2M1: 11
            case .int4, .uint4: 10
            case .float8E4M3FN, .float8E5M2: 9
            default: 4
            }
        irVersion = max(irVersion, needed)
    }
}
