package import WinnowGraph
import WinnowTensor

/// One of two graphs, as a condition says; a known condition puts its branch in the node's place.
package struct If: ControlFlowOperator {
    package static let type = OperatorType("If")
    package static let maximumInputCount = 1
    package static let maximumOutputCount = Int.max

    package var thenBranch: Graph
    package var elseBranch: Graph

    package init(then thenBranch: Graph, else elseBranch: Graph) {
        self.thenBranch = thenBranch
        self.elseBranch = elseBranch
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(then: try attributes.body("then_branch"), else: try attributes.body("else_branch"))
        guard thenBranch.outputs.count == elseBranch.outputs.count else {
            throw WinnowError(.model, "else_branch", "has another number of outputs than then_branch")
        }
    }

    package var bodies: [String: Graph] { ["then_branch": thenBranch, "else_branch": elseBranch] }

    private func isTrue(_ condition: Tensor) throws -> Bool {
        guard let value = condition.doubles(first: 1).first else { throw WinnowError(.shape, "cond", "is empty") }
        return value != 0
    }

    package func outputs(for inputs: [ValueInfo?], around: [ValueName: ValueInfo]) throws -> [ValueInfo] {
        func results(_ branch: Graph) -> [ValueInfo] { branch.steadyOutputs(around: around) ?? branch.bodyOutputs }
        if let condition = try inputs.required(0).constant { return results(try isTrue(condition) ? thenBranch : elseBranch) }
        return zip(results(thenBranch), results(elseBranch)).map { $0.common(with: $1) }
    }

    package func compute(_ inputs: [Datum?], run: (String, [Datum]) throws -> [Datum]) throws -> [Datum] {
        try run(try isTrue(inputs.tensor(0)) ? "then_branch" : "else_branch", [])
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let condition = graph.info(of: node.input(0))?.constant else { return nil }
        return try (isTrue(condition) ? thenBranch : elseBranch).inlined(inPlaceOf: node, in: graph.graph)
    }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try lowering(of: node, in: graph) }
}

extension Graph {
    /// An edit that puts a body without inputs in the place of its node.
    fileprivate func inlined(inPlaceOf node: Node, in graph: Graph) throws -> GraphEdit {
        var names: [ValueName: ValueName] = [:]
        for value in initializerNames + nodes.flatMap(\.outputs) where !value.isEmpty {
            names[value] = graph.freshValueName("\(node.name).\(value)")
        }
        // An output that is computed here once takes the node's own name; every other needs a copy.
        let computed = Set(nodes.flatMap(\.outputs))
        var copied: [(from: ValueName, to: ValueName)] = []
        var taken: Set<ValueName> = []
        for (output, target) in zip(outputs, node.outputs) where !target.isEmpty {
            if computed.contains(output), taken.insert(output).inserted { names[output] = target } else { copied.append((output, target)) }
        }
        let body = try renamingValues(names)
        var edit = GraphEdit(
            replacing: [node.name],
            with: body.nodes.map {
                Node(name: "\(node.name).\($0.name)", op: $0.op, inputs: $0.inputs, outputs: $0.outputs, notes: $0.notes)
            })
        edit.addedNodes += copied.enumerated().map { index, copy in
            Node(name: "\(node.name).output.\(index)", op: Identity(), inputs: [names[copy.from] ?? copy.from], outputs: [copy.to])
        }
        edit.initializers = body.namedInitializers
        return edit
    }
}
