import SwiftProtobuf
import WinnowTensor

/// Puts what a model's own functions consist of in the place of the nodes that call them.
struct FunctionInliner {
    private struct Key: Hashable {
        let domain: String
        let name: String
        let overload: String
    }

    private let functions: [Key: Onnx_FunctionProto]
    private var valueNames: Set<String> = []
    private var nodeNames: Set<String> = []
    /// The functions that are being inlined, outermost first.
    private var callers: [Key] = []
    private var nodeCount = 0
    /// How many functions and bodies lie around what is being inlined.
    private var depth = 0
    /// The operator sets that nodes of functions are written against, by the nodes' names.
    private(set) var opsets: [String: [String: Int]] = [:]

    /// Functions that call each other many times make a small file a large graph.
    private static let nodeCountLimit = 1 << 20
    /// As deep as messages of a file may lie in each other.
    private static let depthLimit = 100

    init(_ functions: [Onnx_FunctionProto]) {
        self.functions = Dictionary(
            functions.map { (Key(domain: ONNXReader.domain($0.domain), name: $0.name, overload: $0.overload), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The graph without calls of functions, in bodies neither.
    mutating func inlined(_ graph: Onnx_GraphProto) throws -> Onnx_GraphProto {
        guard !functions.isEmpty else { return graph }
        graph.addNames(to: &valueNames, &nodeNames)
        return try expanded(graph)
    }

    private mutating func expanded(_ graph: Onnx_GraphProto) throws -> Onnx_GraphProto {
        var result = graph
        result.node = []
        try nesting("graph \(graph.name)") { inliner in
            for node in graph.node { result.node += try inliner.expanded(node) }
        }
        return result
    }

    private mutating func nesting(_ subject: String, _ body: (inout FunctionInliner) throws -> Void) throws {
        guard depth < Self.depthLimit else {
            throw WinnowError(.model, subject, "lies in more than \(Self.depthLimit) functions and bodies of nodes")
        }
        depth += 1
        defer { depth -= 1 }
        try body(&self)
    }

    /// The node, or what the function that it calls consists of.
    private mutating func expanded(_ node: Onnx_NodeProto) throws -> [Onnx_NodeProto] {
        let key = Key(domain: ONNXReader.domain(node.domain), name: node.opType, overload: node.overload)
        guard let function = functions[key] else { return [try node.changingBodies { try expanded($0) }] }
        guard !callers.contains(key) else { throw WinnowError(.model, "function \(function.name)", "calls itself") }
        callers.append(key)
        defer { callers.removeLast() }
        var result: [Onnx_NodeProto] = []
        try nesting("function \(function.name)") { result = try $0.body(of: function, calledBy: node) }
        return result
    }

    private mutating func body(of function: Onnx_FunctionProto, calledBy call: Onnx_NodeProto) throws -> [Onnx_NodeProto] {
        let prefix = call.name.isEmpty ? function.name : call.name
        var names = ["": ""]
        for (index, formal) in function.input.enumerated() { names[formal] = index < call.input.count ? call.input[index] : "" }
        var copies: [(from: String, to: String)] = []
        for (formal, actual) in zip(function.output, call.output) where !actual.isEmpty {
            if let other = names[formal] { copies.append((other, actual)) } else { names[formal] = actual }
        }
        let imports = function.opsetImport.opsets
        var result: [Onnx_NodeProto] = []
        for node in function.node {
            let own = instance(of: node, in: function, call, prefix, &names, imports)
            result += try expanded(own)
        }
        for (source, target) in copies {
            result.append(
                Onnx_NodeProto.with {
                    $0.opType = "Identity"
                    ($0.input, $0.output) = ([source], [target])
                })
        }
        // A call counts too where nothing is left of it.
        nodeCount += result.count + 1
        guard nodeCount <= Self.nodeCountLimit else {
            throw WinnowError(.model, "function \(function.name)", "makes the graph larger than \(Self.nodeCountLimit) nodes")
        }
        return result
    }

    /// A node of a function with the values and attributes of a call; values that have no name yet get a fresh one.
    private mutating func instance(
        of node: Onnx_NodeProto, in function: Onnx_FunctionProto, _ call: Onnx_NodeProto, _ prefix: String,
        _ names: inout [String: String], _ imports: [String: Int]
    ) -> Onnx_NodeProto {
        var result = node
        result.name = Self.fresh("\(prefix)/\(node.name.isEmpty ? node.opType : node.name)", &nodeNames)
        opsets[result.name] = imports
        result.input = node.input.map { renamed($0, prefix, &names) }
        result.output = node.output.map { renamed($0, prefix, &names) }
        result.attribute = node.attribute.compactMap { attribute in
            guard attribute.hasRefAttrName else { return attribute }
            let given = call.attribute.first { $0.name == attribute.refAttrName }
                ?? function.attributeProto.first { $0.name == attribute.refAttrName }
            return given.map { given in
                var given = given
                given.name = attribute.name
                return given
            }
        }
        for index in result.attribute.indices where result.attribute[index].hasG {
            result.attribute[index].g = instance(of: result.attribute[index].g, in: function, call, prefix, &names, imports)
        }
        for index in result.attribute.indices where !result.attribute[index].graphs.isEmpty {
            result.attribute[index].graphs = result.attribute[index].graphs.map {
                instance(of: $0, in: function, call, prefix, &names, imports)
            }
        }
        return result
    }

    private mutating func instance(
        of graph: Onnx_GraphProto, in function: Onnx_FunctionProto, _ call: Onnx_NodeProto, _ prefix: String,
        _ names: inout [String: String], _ imports: [String: Int]
    ) -> Onnx_GraphProto {
        var result = graph
        for index in result.input.indices { result.input[index].name = renamed(result.input[index].name, prefix, &names) }
        for index in result.output.indices { result.output[index].name = renamed(result.output[index].name, prefix, &names) }
        for index in result.initializer.indices {
            result.initializer[index].name = renamed(result.initializer[index].name, prefix, &names)
        }
        for index in result.sparseInitializer.indices {
            result.sparseInitializer[index].values.name = renamed(result.sparseInitializer[index].values.name, prefix, &names)
        }
        result.node = graph.node.map { instance(of: $0, in: function, call, prefix, &names, imports) }
        result.valueInfo = []
        result.quantizationAnnotation = []
        return result
    }

    private mutating func renamed(_ name: String, _ prefix: String, _ names: inout [String: String]) -> String {
        if let known = names[name] { return known }
        let fresh = Self.fresh("\(prefix)/\(name)", &valueNames)
        names[name] = fresh
        return fresh
    }

    private static func fresh(_ base: String, _ taken: inout Set<String>) -> String {
        var (name, number) = (base, 1)
        while !taken.insert(name).inserted {
            name = "\(base)_\(number)"
            number += 1
        }
        return name
    }
}

extension Onnx_GraphProto {
    fileprivate func addNames(to values: inout Set<String>, _ nodes: inout Set<String>) {
        values.formUnion(input.map(\.name) + initializer.map(\.name) + sparseInitializer.map(\.values.name))
        for node in node {
            nodes.insert(node.name)
            values.formUnion(node.output)
            for attribute in node.attribute {
                for body in (attribute.hasG ? [attribute.g] : []) + attribute.graphs { body.addNames(to: &values, &nodes) }
            }
        }
    }
}

extension Onnx_NodeProto {
    fileprivate func changingBodies(_ change: (Onnx_GraphProto) throws -> Onnx_GraphProto) rethrows -> Onnx_NodeProto {
        guard attribute.contains(where: { $0.hasG || !$0.graphs.isEmpty }) else { return self }
        var result = self
        for index in result.attribute.indices {
            if result.attribute[index].hasG { result.attribute[index].g = try change(result.attribute[index].g) }
            if !result.attribute[index].graphs.isEmpty {
                result.attribute[index].graphs = try result.attribute[index].graphs.map(change)
            }
        }
        return result
    }
}

extension [Onnx_OperatorSetIdProto] {
    /// Versions by domain.
    var opsets: [String: Int] {
        Dictionary(map { (ONNXReader.domain($0.domain), Int(clamping: $0.version)) }, uniquingKeysWith: Swift.max)
    }
}
