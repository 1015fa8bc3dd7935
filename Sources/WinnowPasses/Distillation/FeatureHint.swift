import WinnowGraph
import WinnowOperators
import WinnowTensor
package import WinnowTraining

/// Lets values inside a teacher guide values inside the model: w · loss(P·s, t), P a learned projection of channels where they
/// differ in number and the loss compares them (FitNets; Romero et al. 2015, equation 3).
public struct FeatureHint: TrainingPass {
    public static let name = "feature-hint"
    public static let summary = "trains values inside the model towards a teacher's"
    public static let guide = """
        Adds to the loss the distance between a value inside the model and one inside the teacher, for each pair of names: mse \
        (FitNets), l1, huber, cosine, info-nce (which of the step's samples it is), attention (where they look), similarity, \
        relation-distance and relation-angle (how samples lie to each other). Where their channels (axis 1) differ in number, a \
        projection that is trained along maps the model's to the teacher's, unless the distance does not compare channels; it is not \
        part of the result. All other axes must agree. The teacher is another model with the same inputs, \
        or, if none is named, the model as it was before compression.
        """
    public static let strengths = [Strength("weight", none: 0)]

    public var teacher = TeacherChoice()
    @Hyperparameter("values inside the model; empty: the input of its last layer whose input the teacher has too") public var values: [String] = []
    @Hyperparameter("the teacher's values for them; empty: those of the same names") public var targets: [String] = []
    @Hyperparameter("how far values are apart") public var by: Chosen<FeatureDistances> = "mse"
    @Hyperparameter("weight of the hints in the loss", in: 0...1e6) public var weight = 1.0

    public init() {}

    public var models: [String] { teacher.models }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard var objective = setup.objective, weight > 0 else { return }
        let other = try teacher.graph(in: context, or: setup.original)
        let own = values.isEmpty ? try [lastInput(of: setup.model, sharedWith: targets.isEmpty ? other : nil)] : values
        let goals = targets.isEmpty ? own : targets
        guard own.count == goals.count else {
            throw WinnowError(.recipe, "targets", "are \(goals.count) for \(own.count) values", remedy: "give one for each")
        }
        try check(goals, "targets", of: other, "the teacher")
        try check(own, "values", of: objective.graph, "the model")
        // What is to be matched is all that the teacher need give.
        let joined = try Teacher(other, giving: goals).joined(to: objective.graph, reading: setup.model.inputNames)
        setup.findings += joined.findings
        let builder = GraphBuilder(extending: joined.graph)
        var terms: [(weight: Double, value: ValueName)] = [(1, objective.loss)]
        for (value, goal) in zip(own, joined.outputs) {
            terms.append((weight, try distance(builder, value, goal, seed: context.seed)))
        }
        objective.fixedValues += joined.outputs
        objective.loss = try Loss.weightedSum(builder, terms)
        var end = builder.edit()
        end.outputs = [objective.loss]
        objective.graph = try joined.graph.applying(end)
        setup.objective = objective
        setup.frozen.formUnion(joined.initializers)
        for (value, goal) in zip(own, goals) { setup.findings.append(Finding(value, .done, reason: "trained towards the teacher's \(goal)")) }
    }

    /// Throws `.recipe` for names of no value.
    private func check(_ names: [ValueName], _ key: String, of graph: Graph, _ owner: String) throws {
        for name in names where graph.infos[name] == nil {
            let nearest = Spelling.nearest(to: name, in: graph.infos.keys.sorted()).map { "did you mean \($0)? " } ?? ""
            throw WinnowError(
                .recipe, key, "\(owner) has no value \(name)", remedy: "\(nearest)`winnow inspect --format text` lists them")
        }
    }

    /// What the last layer with a weight multiplies; with a teacher the last such value that it has too, for a layer that became several
    /// reads one of its own. Of a value that is rounded on its way it is the one before.
    private func lastInput(of model: Graph, sharedWith teacher: Graph?) throws -> ValueName {
        let index = GraphIndex(model)
        let inputs = model.weightSites.map { $0.node.input(1 - min(1, $0.inputIndex)).map(index.unrounded) }
        guard let last = inputs.last ?? nil, !model.inputNames.contains(last) else {
            throw WinnowError(.recipe, "values", "are not given, and the model has no layer behind another")
        }
        guard let teacher else { return last }
        guard let shared = inputs.compactMap({ $0 }).last(where: { teacher.infos[$0] != nil && !model.inputNames.contains($0) }) else {
            throw WinnowError(
                .recipe, "values", "are not given, and the teacher has no value that a layer of the model reads",
                remedy: "give values and targets")
        }
        return shared
    }

    private func distance(_ b: GraphBuilder, _ value: ValueName, _ goal: ValueName, seed: UInt64) throws -> ValueName {
        guard let own = b.info(of: value)?.extents, let wanted = b.info(of: goal)?.extents, own.count == wanted.count, own.count >= 2 else {
            throw WinnowError(.recipe, "values", "\(value) and the teacher's have other ranks")
        }
        guard own[1] != wanted[1], by.member.comparesChannels else { return try loss(b, value, goal) }
        guard let from = own[1].value, let to = wanted[1].value else {
            throw WinnowError(.recipe, "values", "the channels of \(value) are not known")
        }
        var random = RandomGenerator(seed: seed)
        let deviation = 1 / Float(from).squareRoot()
        let numbers = (0..<(from * to)).map { _ in random.normal() * deviation }
        let isImage = own.count > 2
        let shape = isImage ? Shape([to, from] + own.dropFirst(2).map { _ in 1 }) : [from, to]
        let projection = b.constant("hint.projection", Tensor(numbers, shape: shape))
        let projected = try isImage ? b.add(Conv(stride: 1, padding: 0, rank: own.count - 2), value, projection) : b.add(MatMul(), value, projection)
        return try loss(b, projected, goal)
    }

    private func loss(_ b: GraphBuilder, _ value: ValueName, _ goal: ValueName) throws -> ValueName {
        try by.member.add(at: LossPlace(b, output: value), LossTarget(.values, goal))
    }
}

/// The losses that compare two values inside networks.
public enum FeatureDistances: MemberCatalogue {
    package static let all: [any LossFunction.Type] = [
        MeanSquaredLoss.self,
        AbsoluteLoss.self,
        HuberLoss.self,
        CosineLoss.self,
        NoiseContrastiveLoss.self,
        AttentionTransferLoss.self,
        SimilarityLoss.self,
        RelationDistanceLoss.self,
        RelationAngleLoss.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}

extension GraphIndex {
    /// The value that is rounded to become this one; itself where none is.
    fileprivate func unrounded(_ value: ValueName) -> ValueName {
        var value = value
        while let node = producer(of: value), node.op is DequantizeLinear || node.op is QuantizeLinear || node.op is FakeQuantize,
            let source = node.input(0)
        {
            value = source
        }
        return value
    }
}
