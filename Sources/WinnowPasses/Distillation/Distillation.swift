import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Lets teachers' outputs guide training: α·Σ w·T²·KL(softmax(teacher/T) ‖ softmax(student/T)) + (1 − α)·cross-entropy.
///
/// Teachers and student are joined on the same inputs (Hinton et al. 2015, section 2).
public struct Distillation: TrainingPass {
    public static let name = "distillation"
    public static let decides: TrainingDecision? = .scores
    public static let summary = "trains towards a teacher's softened outputs"
    public static let guide = """
        The loss becomes α·T²·KL(teacher ‖ student) at temperature T plus (1 − α) times the cross-entropy with the labels. \
        The teacher is another model with the same inputs, or, if none is named, the model as it was before compression. \
        Its parameters do not change. `more-teachers` count beside it, each by its weight. Without labels the teachers alone are the goal, for all outputs. Outputs of one name belong together, else of one shape. `by: decoupled` weighs what the teacher says \
        of the right class and of the others by itself (DKD), `by: mse` compares the scores themselves.
        """
    public static let strengths = [Strength("alpha", none: 0)]

    public var teacher = TeacherChoice()
    @Hyperparameter("what scores are divided by before softmax", in: 1e-3...1e4, counts: .with("by", ["kl", "decoupled"]))
    public var temperature = 4.0
    @Hyperparameter("part of the teacher in the loss", in: 0...1) public var alpha = 0.7

    /// How scores are compared.
    public enum Distance: String, HyperparameterChoice, Codable {
        /// T²·KL of the softened probabilities.
        case kl
        /// KL of the right class against all others, and β times KL among the others (Zhao et al., "Decoupled Knowledge Distillation",
        /// 2022, equation 7).
        case decoupled
        /// The mean squared difference of the scores (Ba and Caruana, "Do Deep Nets Really Need to be Deep?", 2014).
        case mse
    }

    @Hyperparameter("how scores are compared") public var by = Distance.kl
    @Hyperparameter("weight of the wrong classes, with by decoupled", in: 0...1e3, counts: .with("by", ["decoupled"])) public var beta = 8.0
    @Hyperparameter("paths of further teachers") public var moreTeachers: [String] = []
    @Hyperparameter("weights of all teachers, the first one's first; none: alike", in: 0...1e6) public var weights: [Double] = []

    public init() {}

    public var models: [String] { teacher.models + moreTeachers }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard var objective = setup.objective, let first = setup.model.scoredOutput, alpha > 0 else { return }
        var (graph, goals) = (objective.graph, [ValueName: [Goal]]())
        for (choice, share) in try sharedTeachers() {
            let teacher = try Teacher(choice.graph(in: context, or: setup.original))
            let joined = try teacher.joined(to: graph, reading: setup.model.inputNames)
            let pairs = OutputPairs(of: setup.model, and: teacher.graph)
            guard let place = pairs[first]?.place, joined.graph.infos[joined.outputs[place]]?.elementType == .float32 else {
                throw WinnowError(.model, "teacher", "gives no scores for output \(first)")
            }
            graph = joined.graph
            for pair in pairs.pairs where pair.own == first || pair.fits {
                goals[pair.own, default: []].append(Goal(share, joined.outputs[pair.place]))
            }
            setup.frozen.formUnion(joined.initializers)
            setup.findings += joined.findings + pairs.findings
            setup.findings.append(Finding("teacher", .done, .parameters, after: Double(teacher.graph.parameterCount)))
            setup.references.append(TrainingReference(subject: "teacher", graph: teacher.graph))
        }
        setup.references.append(TrainingReference(subject: "student", graph: setup.original, reason: "before training"))
        let taught = taught(of: &setup, first, goals)
        let (builder, index, axes) = (GraphBuilder(extending: graph), GraphIndex(graph), SampleAxes(of: setup.model))
        var soft: [(weight: Double, value: ValueName)] = []
        for output in taught {
            for goal in goals[output] ?? [] {
                let pair = try ScorePair(
                    of: output, and: goal.value, in: index, builder, samples: axes.axis(ofOutput: output) ?? 0, classes: objective.classAxes[output])
                objective.fixedValues.append(pair.fixedValue(in: index, of: goal.value))
                soft.append((goal.share, try distance(builder, pair, of: output, objective.labels, isFirst: output == first)))
            }
        }
        // Without labels the teacher alone says what is right.
        let share = setup.imitates ? 1 : alpha
        let loss = try Loss.weightedSum(builder, [(share, Loss.weightedSum(builder, soft)), (1 - share, objective.loss)])
        objective.loss = loss
        var edit = builder.edit()
        edit.outputs = [loss]
        objective.graph = try graph.applying(edit)
        setup.objective = objective
    }

    /// What a teacher gives for an output, and its part of all teachers.
    private struct Goal {
        let share: Double
        let value: ValueName

        init(_ share: Double, _ value: ValueName) { (self.share, self.value) = (share, value) }
    }

    /// The teachers with their parts, which add up to 1.
    private func sharedTeachers() throws -> [(choice: TeacherChoice, share: Double)] {
        let choices = [teacher] + moreTeachers.map { path in TeacherChoice { $0.teacher = path } }
        guard weights.isEmpty || weights.count == choices.count, weights.isEmpty || weights.contains(where: { $0 > 0 }) else {
            throw WinnowError(.recipe, "weights", "are \(weights.count) for \(choices.count) teachers", remedy: "give one for each, not all 0")
        }
        let sum = weights.isEmpty ? Double(choices.count) : weights.reduce(0, +)
        return choices.enumerated().map { ($1, (weights.isEmpty ? 1 : weights[$0]) / sum) }
    }

    /// The outputs that teachers guide: the first one beside labels or targets, which say nothing of the others; else all. The others are
    /// named in findings.
    private func taught(of setup: inout TrainingSetup, _ first: ValueName, _ goals: [ValueName: [Goal]]) -> [ValueName] {
        var taught: [ValueName] = []
        for output in setup.model.computedOutputs {
            let isFloat = setup.model.infos[output]?.elementType == .float32
            if output == first || setup.imitates && isFloat && goals[output] != nil { taught.append(output); continue }
            let reason = !setup.imitates ? "beside an objective the teacher guides the first output, \(first), alone"
                : isFloat ? "the teacher gives nothing of its shape" : "only float32 is trained"
            setup.findings.append(Finding(output, .skipped, reason: reason))
        }
        return taught
    }

    /// - Parameter isFirst: whether labels are about the output; one number of another output is compared by its square.
    private func distance(
        _ b: GraphBuilder, _ scores: ScorePair, of output: ValueName, _ labels: ValueName?, isFirst: Bool
    ) throws -> ValueName {
        let isNumber = scores.classCount(b) == 1
        guard by != .mse, isFirst || !isNumber else { return try Loss.meanSquaredError(b, scores.own, scores.other) }
        guard !isNumber else {
            let type = b.info(of: output).map { "\($0.type)" } ?? "of unknown shape"
            throw WinnowError(
                .recipe, "by: \(by.rawValue)", "compares scores of classes (N, classes), and output \(output) is \(type)", remedy: "use mse")
        }
        guard by == .decoupled else {
            return try Loss.distillation(b, student: scores.own, teacher: scores.other, temperature: temperature, classes: scores.classes)
        }
        guard let labels else { throw WinnowError(.recipe, "by: decoupled", "needs labels, and the objective has none", remedy: "use kl") }
        guard b.info(of: labels)?.elementType == .int64 else {
            throw WinnowError(.recipe, "by: decoupled", "needs one class a sample, which mixup does not leave", remedy: "use kl, or leave mixup out")
        }
        return try Loss.decoupledDistillation(
            b, student: scores.own, teacher: scores.other, labels: labels, temperature: temperature, beta: beta, classes: scores.classes ?? 1)
    }
}

extension OutputPairs {
    /// Which outputs teach which, where names and places leave it open.
    fileprivate var findings: [Finding] {
        pairs.filter { $0.own != $0.other && $0.fits && (pairs.count > 1 || $0.place > 0) }
            .map { Finding("teacher", .done, reason: "its output \($0.other) teaches \($0.own)") }
    }
}
