import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Trains each block of the model toward the teacher's block, fed with what the teacher's block is fed with: the mean over the
/// blocks of loss(sₖ(tₖ₋₁), tₖ).
///
/// Errors of one block do not reach the next, so every block has a target that it can meet (Li et al., "Blockwisely Supervised Neural
/// Architecture Search with Knowledge Distillation", 2020, section 3.2).
public struct BlockDistillation: TrainingPass {
    public static let name = "block-distillation"
    public static let decides: TrainingDecision? = .scores
    public static let summary = "trains each block of the model toward the teacher's block on the teacher's inputs"
    public static let guide = """
        The model is cut where a single value passes from one part to the next. Each part is given what the teacher has at that place, and its \
        distance from what the teacher has at the next is made small, the mean of all parts; the last part ends at the outputs. `values` name the places, else they are found \
        where the model and its teacher have values of one name and shape, `layers` layers or more apart. `alpha` is the blocks' part of the loss; with 1 \
        labels do not count. The teacher is another model with the same inputs, or, if none is named, the model as it was before compression.
        """
    public static let strengths = [Strength("alpha", none: 0)]

    public var teacher = TeacherChoice()
    @Hyperparameter("values of the model where blocks end, in their order; empty: found by their names") public var values: [String] = []
    @Hyperparameter("the teacher's values for them; empty: those of the same names") public var targets: [String] = []
    @Hyperparameter("layers that a block has at least, where its end is found", in: 1...1e6, counts: .absent("values")) public var layers = 1
    @Hyperparameter("how far values are apart") public var by: Chosen<FeatureDistances> = "mse"
    @Hyperparameter("part of the blocks in the loss", in: 0...1) public var alpha = 1.0

    public init() {}

    public var models: [String] { teacher.models }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard var objective = setup.objective, alpha > 0 else { return }
        let other = try teacher.graph(in: context, or: setup.original)
        let (ends, goals) = try ends(of: setup.model, in: other)
        guard !ends.isEmpty else {
            setup.findings.append(Finding("graph", .skipped, reason: "no value in it has the name and shape of one of its teacher: give values and targets"))
            return
        }
        let joined = try Teacher(other, giving: goals).joined(to: objective.graph, reading: setup.model.inputNames)
        setup.findings += joined.findings
        let builder = GraphBuilder(extending: joined.graph)
        var terms: [(weight: Double, value: ValueName)] = []
        for (place, end) in ends.enumerated() {
            let given = place == 0 ? nil : (value: ends[place - 1], goal: joined.outputs[place - 1])
            let value = try builder.copying(end, of: setup.model, from: given?.value, as: given?.goal)
            let goal = joined.outputs[place]
            guard let own = builder.info(of: value)?.extents, let wanted = builder.info(of: goal)?.extents, own.count == wanted.count,
                zip(own, wanted).allSatisfy({ $0.value == nil || $1.value == nil || $0.value == $1.value })
            else {
                throw WinnowError(.recipe, "values", "\(end) and the teacher's \(goals[place]) have other shapes", remedy: "use feature-hint, which projects")
            }
            terms.append((alpha / Double(ends.count), try by.member.add(at: LossPlace(builder, output: value), LossTarget(.values, goal))))
            setup.findings.append(Finding(end, .done, reason: "trained towards the teacher's \(goals[place])\(given.map { " from its \($0.value)" } ?? "")"))
        }
        if alpha < 1 { terms.append((1 - alpha, objective.loss)) }
        objective.loss = try Loss.weightedSum(builder, terms)
        objective.fixedValues += joined.outputs
        var end = builder.edit()
        end.outputs = [objective.loss]
        objective.graph = try joined.graph.applying(end)
        // What no block needs must not learn statistics of its own.
        setup.dropsUnread = true
        setup.objective = objective
        setup.frozen.formUnion(joined.initializers)
    }

    /// Where blocks end in the model, and the teacher's values there.
    private func ends(of model: Graph, in teacher: Graph) throws -> (ends: [ValueName], goals: [ValueName]) {
        guard values.isEmpty else {
            let goals = targets.isEmpty ? values : targets
            guard values.count == goals.count else {
                throw WinnowError(.recipe, "targets", "are \(goals.count) for \(values.count) values", remedy: "give one for each")
            }
            for (name, graph, key) in values.map({ ($0, model, "values") }) + goals.map({ ($0, teacher, "targets") }) where graph.infos[name] == nil {
                throw WinnowError(.recipe, key, "there is no value \(name)", remedy: Spelling.remedy(for: name, among: graph.infos.keys.sorted()))
            }
            try checkOrder(of: values, "values", in: model)
            try checkOrder(of: goals, "targets", in: teacher)
            let others = outputs(of: model, in: teacher).filter { !values.contains($0.own) }
            return (values + others.map(\.own), goals + others.map(\.goal))
        }
        guard targets.isEmpty else { throw WinnowError(.recipe, "targets", "are given without values") }
        let found = GraphBlock.all(of: model, around: model.weightSites, layerCount: layers).flatMap(\.outputs).filter { value in
            guard let own = model.infos[value], let other = teacher.infos[value] else { return false }
            return own.elementType == .float32 && own.rank ?? 0 > 0 && own.extents?.map(\.value) == other.extents?.map(\.value)
                && !model.outputs.contains(value)
        }
        let outputs = outputs(of: model, in: teacher)
        return (found + outputs.map(\.own), found + outputs.map(\.goal))
    }

    /// Throws `.recipe` where a value is computed from one that is named behind it, or is named twice.
    private func checkOrder(of names: [ValueName], _ key: String, in graph: Graph) throws {
        for (place, name) in names.enumerated() {
            guard let later = names[(place + 1)...].first(where: graph.sources(of: name).contains) else { continue }
            let problem = later == name ? "\(name) is named twice" : "\(later) is named behind \(name), which is computed from it"
            throw WinnowError(.recipe, key, problem, remedy: "name blocks' ends in the order in which data meets them, each once")
        }
    }

    /// Outputs of numbers, with the teacher's for them.
    private func outputs(of model: Graph, in teacher: Graph) -> [(own: ValueName, goal: ValueName)] {
        OutputPairs(of: model, and: teacher).pairs.filter { pair in
            let own = model.infos[pair.own]
            return own?.elementType == .float32 && own?.rank ?? 0 > 0 && teacher.infos[pair.other]?.rank == own?.rank
        }.map { (own: $0.own, goal: $0.other) }
    }
}

extension Graph {
    /// A value and all that it is computed from.
    fileprivate func sources(of value: ValueName) -> Set<ValueName> {
        var sources: Set<ValueName> = [value]
        for node in nodes.reversed() where !sources.isDisjoint(with: node.outputs) {
            sources.formUnion(node.inputs + node.op.capturedValues)
        }
        return sources
    }
}

extension GraphBuilder {
    /// Adds what computes a value of `graph`, which this builder extends, where another of its values is `given`; what does not depend on
    /// that is read where it is.
    fileprivate func copying(_ value: ValueName, of graph: Graph, from start: ValueName?, as given: ValueName?) throws -> ValueName {
        guard let start, let given else { return value }
        var names = [start: given]
        var needed: Set<ValueName> = [value]
        for node in graph.nodes.reversed() where node.outputs.contains(where: needed.contains) && !node.outputs.contains(start) {
            needed.formUnion(node.inputs)
        }
        for node in graph.nodes where node.outputs.contains(where: needed.contains) && !node.outputs.contains(start) {
            guard node.op.capturedValues.allSatisfy({ names[$0] == nil }) else {
                throw WinnowError(.unsupported, "node \(node.name) (\(node.op.type))", "has bodies that read values of the block", remedy: "let the block end before it")
            }
            guard node.inputs.contains(where: { names[$0] != nil }) else { continue }
            let inputs = node.inputs.map { $0.isEmpty ? nil : names[$0] ?? $0 }
            let outputs = try add(node.op, inputs: inputs, outputs: node.outputs.count, name: "\(node.name).block")
            for (name, copy) in zip(node.outputs, outputs) { names[name] = copy }
        }
        return names[value] ?? value
    }
}
