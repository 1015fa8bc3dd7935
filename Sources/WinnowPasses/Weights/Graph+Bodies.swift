import WinnowGraph
import WinnowTensor

extension Graph {
    /// The graph with its nodes' bodies rewritten, and what was found in them; of the newest operator set that one of them takes.
    func rewritingBodies(_ rewrite: (_ body: Graph) throws -> PassResult) throws -> PassResult {
        var result = PassResult(graph: self)
        var version = metadata.version(of: "")
        var edits: [GraphEdit] = []
        for node in nodes where !node.op.bodies.isEmpty {
            var (changed, isSame) = (node, true)
            changed.op = try node.op.changingBodies(in: self) { body in
                let rewritten = try rewrite(body)
                isSame = isSame && rewritten.graph.isSame(as: body)
                version = max(version, rewritten.graph.metadata.version(of: ""))
                result.findings += rewritten.findings.map { $0.within(node.name) }
                return rewritten.graph
            }
            if !isSame { edits.append(GraphEdit(replacing: [node.name], with: [changed])) }
        }
        if !edits.isEmpty { result.graph = try applying(edits) }
        result.graph.metadata.opsets[""] = version
        return result
    }

    /// Whether it is the same graph with the same constants, in bodies too.
    func isSame(as other: Graph) -> Bool {
        guard text == other.text, initializers == other.initializers else { return false }
        return zip(nodes, other.nodes).allSatisfy { own, other in
            own.op.bodies.allSatisfy { key, body in other.op.bodies[key].map { body.isSame(as: $0) } ?? false }
        }
    }

    /// The initializers that one body reads and nothing else: they may as well be its own.
    var constantsOfSingleBodies: [ValueName: Tensor] {
        var readers: [ValueName: Int] = [:]
        for name in outputs + nodes.flatMap(\.inputs) { readers[name] = 2 }
        for name in nodes.flatMap({ $0.op.bodies.values.flatMap(\.captures.keys) }) { readers[name, default: 0] += 1 }
        return initializers.filter { readers[$0.key] == 1 }
    }
}

extension Finding {
    /// The same about something in a body of a node.
    fileprivate func within(_ node: String) -> Finding {
        var result = self
        result.subject = "\(node)/\(subject)"
        return result
    }
}
