import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Trains the model beside another that learns the same at the same time; each is drawn to what the other says.
///
/// Both have their own cross-entropy; w·KL(p₂ ‖ p₁) is added to the model's, w·KL(p₁ ‖ p₂) to its partner's, either with no gradient for the
/// one that is followed (Zhang et al., "Deep Mutual Learning", 2018, equations 4 to 6). Outputs that are no scores of classes are compared by their
/// mean squared difference.
public struct MutualLearning: TrainingPass {
    public static let name = "mutual-learning"
    public static let summary = "trains the model together with another student, each drawn to the other's outputs"
    public static let guide = """
        Two students start apart and learn the same labels; what one says of the wrong classes helps the other. The partner is \
        another model with the same inputs and classes, or, if none is named, the model with each weight's elements in another order, which is \
        as good as drawn anew. It is trained along and is no part of the result. Without labels both are drawn to the original too.
        """
    public static let strengths = [Strength("weight", none: 0)]

    @Hyperparameter("path of the partner's model; none: the model itself with shuffled weights") public var partner: String? = nil
    @Hyperparameter("weight of what the other says in either's loss", in: 0...1e6) public var weight = 1.0
    @Hyperparameter("what scores are divided by before softmax", in: 1e-3...1e4) public var temperature = 1.0

    public init() {}

    public var models: [String] { partner.map { [$0] } ?? [] }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard var objective = setup.objective, weight > 0 else { return }
        let other = try (partner.map { path in try TeacherChoice { $0.teacher = path }.graph(in: context, or: setup.original) }
            ?? setup.original.shufflingWeights(seed: context.seed)).separatingStatistics().takingMasterWeights()
        let joined = try Teacher(learning: other).joined(to: objective.graph, reading: setup.model.inputNames)
        setup.findings += joined.findings
        let pairs = OutputPairs(of: setup.model, and: other)
        var terms: [(weight: Double, value: ValueName)] = [(1, objective.loss)]
        if let target = objective.labelTarget, objective.judgesClasses, let output = setup.model.scoredOutput,
            let place = pairs[output]?.place
        {
            let (builder, index) = (GraphBuilder(extending: joined.graph), GraphIndex(joined.graph))
            let scores = try ScorePair(
                of: output, and: joined.outputs[place], in: index, builder, samples: SampleAxes(of: setup.model).axis(ofOutput: output) ?? 0,
                classes: objective.classAxes[output])
            var settings = LossSettings()
            settings.axis = scores.classes
            if objective.placeLabels != nil { settings.ignore = LossSettings.noClass }
            terms.append((1, try CrossEntropyLoss.add(at: LossPlace(builder, output: scores.other, settings), target)))
            for (student, teacher) in [(scores.own, scores.other), (scores.other, scores.own)] {
                terms.append((weight, try Loss.distillation(
                    builder, student: student, teacher: teacher, temperature: temperature, classes: scores.classes)))
            }
            objective = try objective.ending(in: terms, builder, joined.graph)
        } else {
            // Without labels both are drawn to the original.
            let original = context.teacher ?? setup.original
            let whole = try Teacher(original).joined(to: joined.graph, reading: setup.model.inputNames)
            let goals = OutputPairs(of: setup.model, and: original)
            let (builder, index) = (GraphBuilder(extending: whole.graph), GraphIndex(whole.graph))
            var (fixed, both) = ([ValueName](), [ValueName]())
            for pair in pairs.pairs where other.infos[pair.other]?.elementType == .float32 {
                guard let place = goals[pair.own]?.place else { continue }
                let (output, own, goal) = (pair.own, joined.outputs[pair.place], whole.outputs[place])
                terms.append((1, try Imitation.distance(builder, of: own, from: goal, in: index, &fixed)))
                terms.append((weight, try Imitation.distance(builder, of: output, from: own, in: index, &both)))
                terms.append((weight, try Imitation.distance(builder, of: own, from: output, in: index, &both)))
            }
            objective = try objective.ending(in: terms, builder, whole.graph)
            objective.fixedValues += fixed
            setup.frozen.formUnion(whole.initializers)
        }
        setup.objective = objective
        setup.findings.append(Finding("partner", .done, .parameters, after: Double(other.parameterCount)))
    }
}

extension Objective {
    /// The same with the sum of these terms as its loss, on a graph that a builder extends.
    fileprivate func ending(in terms: [(weight: Double, value: ValueName)], _ builder: GraphBuilder, _ graph: Graph) throws -> Objective {
        var result = self
        result.loss = try Loss.weightedSum(builder, terms)
        var edit = builder.edit()
        edit.outputs = [result.loss]
        result.graph = try graph.applying(edit)
        return result
    }
}

extension Graph {
    /// The graph with the elements of every weight in another order: the layers have forgotten what they learned, and have numbers as large as
    /// before.
    fileprivate func shufflingWeights(seed: UInt64) throws -> Graph {
        var random = RandomGenerator(seed: seed, stream: 0x3000)
        var tensors: [ValueName: Tensor] = [:]
        for name in Set(weightSites.map(\.tensor)).sorted() {
            guard let weight = initializers[name], weight.elementType.isFloatingPoint else { continue }
            var values = weight.converted(to: .float32).floats()
            values.shuffle(using: &random)
            tensors[name] = Tensor(values, shape: weight.shape).converted(to: weight.elementType)
        }
        return try settingInitializers(tensors)
    }
}
