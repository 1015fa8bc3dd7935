import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A model beside a student: in inference form, if it only looks on.
struct Teacher {
    let graph: Graph

    init(_ model: Graph) throws {
        let context = PassContext()
        var graph = try model.takingDefaults().givingComputedOutputs().foldingMasks().takingRunningStatistics()
        for pass in [RemoveIdentity(), FoldBatchNorm()] as [any Pass] { graph = try pass(graph, in: context).graph }
        self.graph = try graph.replacingBatchNorm()
    }

    /// A model that gives these values alone. Throws `.model` for one that nothing here computes.
    init(_ model: Graph, giving values: [ValueName]) throws {
        var edit = GraphEdit()
        edit.outputs = values
        try self.init(model.applying(edit).removingDeadNodes())
        guard graph.outputs.count == values.count else {
            let missing = values.first { !graph.outputs.contains($0) } ?? ""
            throw WinnowError(.model, "the teacher's \(missing)", "is made by an operator that is not known", remedy: "name other values")
        }
    }

    /// A model that learns along.
    init(learning model: Graph) throws { graph = try model.takingDefaults().givingComputedOutputs().foldingMasks() }

    /// A student's graph with the teacher's nodes beside its own.
    struct Joined {
        var graph: Graph
        /// The teacher's computed outputs, in its order; they are outputs of the graph.
        var outputs: [ValueName]
        /// The teacher's constants, which must not be trained.
        var initializers: [ValueName]
        /// Which inputs it reads, where their names differ.
        var findings: [Finding]
    }

    /// Joins the teacher to a student on the same inputs.
    ///
    /// - Parameter own: those of the student's inputs that are the model's; nil: all.
    func joined(to student: Graph, reading own: [ValueName]? = nil) throws -> Joined {
        let inputs = try TeacherInputs(of: graph, on: student, reading: own ?? student.inputNames)
        let prefix = freshPrefix(in: student)
        func renamed(_ name: ValueName) -> ValueName {
            name.isEmpty ? name : inputs.sources[name] ?? prefix + name
        }
        let names = Dictionary(graph.infos.keys.map { ($0, renamed($0)) }, uniquingKeysWith: { first, _ in first })
        var edit = inputs.edit
        edit.addedNodes += try graph.nodes.map { node in
            Node(
                name: prefix + node.name, op: try node.op.renamingCaptures(names, in: graph), inputs: node.inputs.map(renamed),
                outputs: node.outputs.map(renamed))
        }
        edit.initializers += graph.initializerNames.compactMap { name in
            graph.initializers[name].map { (renamed(name), $0) }
        }
        let own = Set(student.outputs.compactMap { student.infos[$0]?.elementType })
        let outputs = graph.outputs.map { output -> ValueName in
            let (name, type) = (renamed(output), graph.infos[output]?.elementType ?? .float32)
            guard type.isFloatingPoint, type != .float32, !own.contains(type) else { return name }
            let result = "\(name).float32"
            edit.addedNodes.append(Node(name: result, op: Cast(to: .float32), inputs: [name], outputs: [result]))
            return result
        }
        edit.outputs = student.outputs + outputs.filter { !student.outputs.contains($0) }
        return Joined(
            graph: try student.applying(edit), outputs: outputs, initializers: edit.initializers.map(\.name),
            findings: inputs.renamed.map { Finding("teacher", .done, reason: "its input \($0.input) reads \($0.own)") })
    }

    /// What no name of the student begins with.
    private func freshPrefix(in student: Graph) -> String {
        var prefix = "teacher/"
        let names = Array(student.infos.keys) + student.nodes.map(\.name)
        while names.contains(where: { $0.hasPrefix(prefix) }) { prefix = "another-" + prefix }
        return prefix
    }
}

extension Graph {
    /// The graph with every BatchNormalization as multiplication and addition of constants, which training leaves alone.
    fileprivate func replacingBatchNorm() throws -> Graph {
        var result = self
        for node in nodes {
            guard let normalization = node.op as? BatchNormalization,
                let input = node.input(0), let affine = normalization.affine(of: node, on: input, axis: 1, in: GraphIndex(result)),
                let output = node.output(0), let rank = infos[input]?.rank
            else { continue }
            let shape = Shape([affine.scale.count] + [Int](repeating: 1, count: max(0, rank - 2)))
            let name = node.name
            var edit = GraphEdit(
                replacing: [name],
                with: [
                    Node(
                        name: "\(name).multiply", op: Mul(), inputs: [input, "\(name).factor"],
                        outputs: ["\(name).product"]),
                    Node(
                        name: "\(name).add", op: Add(), inputs: ["\(name).product", "\(name).shift"], outputs: [output]),
                ])
            edit.initializers = [
                ("\(name).factor", Tensor(affine.scale, shape: shape)),
                ("\(name).shift", Tensor(affine.shift, shape: shape)),
            ]
            result = try result.applying(edit)
        }
        return result
    }
}
