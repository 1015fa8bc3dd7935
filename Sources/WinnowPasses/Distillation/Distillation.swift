import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Lets a teacher's outputs guide training: α·T²·KL(softmax(teacher/T) ‖ softmax(student/T)) + (1 − α)·cross-entropy.
///
/// Teacher and student are joined on the same inputs (Hinton et al. 2015, section 2).
package struct Distillation: TrainingPass {
    package static let name = "distillation"
    package static let summary = "trains towards a teacher's softened outputs"
    package static let guide = """
        The loss becomes α·T²·KL(teacher ‖ student) at temperature T plus (1 − α) times the cross-entropy with the labels. \
        The teacher is another model with the same inputs, or, if none is named, the model as it was before compression. \
        Its parameters do not change.
        """

    @Hyperparameter("path of the teacher's model; none: the model as it came") package var teacher: String? = nil
    @Hyperparameter("what scores are divided by before softmax", in: 1e-3...1e4) package var temperature = 4.0
    @Hyperparameter("part of the teacher in the loss", in: 0...1) package var alpha = 0.7

    package init() {}

    package func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard var objective = setup.objective, let output = setup.model.outputs.first, alpha > 0 else { return }
        let teacher = try Teacher(self.teacher.map { try load($0, in: context) } ?? context.teacher ?? setup.original)
        let (joined, goal) = try teacher.joined(to: objective.graph)
        let (builder, index) = (GraphBuilder(extending: joined), GraphIndex(joined))
        let soft = try Loss.distillation(
            builder, student: builder.logits(of: output, in: index), teacher: builder.logits(of: goal, in: index),
            temperature: temperature)
        let loss = try Loss.weightedSum(builder, [(alpha, soft), (1 - alpha, objective.loss)])
        objective.loss = loss
        var edit = builder.edit()
        edit.outputs = [loss]
        objective.graph = try joined.applying(edit)
        setup.objective = objective
        setup.frozen.formUnion(objective.graph.initializerNames.filter { $0.hasPrefix(Teacher.prefix) })
        setup.findings.append(Finding("teacher", .done, "parameters", after: Double(teacher.graph.parameterCount)))
    }

    private func load(_ path: String, in context: PassContext) throws -> Graph {
        guard let loadModel = context.loadModel else {
            throw WinnowError(.usage, "teacher \(path)", "models cannot be read here")
        }
        return try loadModel(path)
    }
}

/// A model in inference form that only looks on.
private struct Teacher {
    static let prefix = "teacher/"
    let graph: Graph

    init(_ model: Graph) throws {
        let context = PassContext()
        var graph = try model.takingDefaults().foldingMasks()
        for pass in [RemoveIdentity(), FoldBatchNorm()] as [any Pass] { graph = try pass(graph, in: context).graph }
        self.graph = try graph.replacingBatchNorm()
    }

    /// The student's graph with the teacher's nodes beside its own, and the teacher's output.
    func joined(to student: Graph) throws -> (graph: Graph, output: ValueName) {
        guard let output = graph.outputs.first, let own = graph.infos[output] else {
            throw WinnowError(.model, "teacher", "has no output")
        }
        guard Set(graph.inputNames).isSubset(of: student.inputNames) else {
            throw WinnowError(
                .model, "teacher", "takes \(graph.inputNames.joined(separator: ", "))",
                remedy: "it must have the student's inputs, \(student.inputNames.joined(separator: ", "))")
        }
        let inputs = Set(graph.inputNames)
        func renamed(_ name: ValueName) -> ValueName {
            name.isEmpty || inputs.contains(name) ? name : Self.prefix + name
        }
        var edit = GraphEdit()
        edit.addedNodes = graph.nodes.map { node in
            Node(
                name: Self.prefix + node.name, op: node.op, inputs: node.inputs.map(renamed),
                outputs: node.outputs.map(renamed))
        }
        edit.initializers = graph.initializerNames.compactMap { name in
            graph.initializers[name].map { (renamed(name), $0) }
        }
        edit.outputs = student.outputs + [renamed(output)]
        guard own.type.elementType == .float32 else {
            throw WinnowError(.model, "teacher", "gives \(own.type), not scores")
        }
        return (try student.applying(edit), renamed(output))
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
