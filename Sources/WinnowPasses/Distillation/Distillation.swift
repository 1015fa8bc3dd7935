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
        Its parameters do not change. `more-teachers` count beside it, each by its weight. Without labels the teachers alone are the goal. `by: decoupled` weighs what the teacher says \
        of the right class and of the others by itself (DKD), `by: mse` compares the scores themselves.
        """
    public static let strengths = [Strength("alpha", none: 0)]

    public var teacher = TeacherChoice()
    @Hyperparameter("what scores are divided by before softmax", in: 1e-3...1e4) public var temperature = 4.0
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
    @Hyperparameter("weight of the wrong classes, with by decoupled", in: 0...1e3) public var beta = 8.0
    @Hyperparameter("paths of further teachers") public var moreTeachers: [String] = []
    @Hyperparameter("weights of all teachers, the first one's first; none: alike", in: 0...1e6) public var weights: [Double] = []

    public init() {}

    public var models: [String] { teacher.models + moreTeachers }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard var objective = setup.objective, let output = setup.model.computedOutputs.first, alpha > 0 else { return }
        let choices = [teacher] + moreTeachers.map { path in TeacherChoice { $0.teacher = path } }
        guard weights.isEmpty || weights.count == choices.count, weights.isEmpty || weights.contains(where: { $0 > 0 }) else {
            throw WinnowError(.recipe, "weights", "are \(weights.count) for \(choices.count) teachers", remedy: "give one for each, not all 0")
        }
        let sum = weights.isEmpty ? Double(choices.count) : weights.reduce(0, +)
        var (graph, parts) = (objective.graph, [(weight: Double, goal: ValueName)]())
        for (index, choice) in choices.enumerated() {
            let teacher = try Teacher(choice.graph(in: context, or: setup.original))
            let joined = try teacher.joined(to: graph, reading: setup.model.inputNames)
            guard let goal = joined.outputs.first, joined.graph.infos[goal]?.elementType == .float32 else {
                throw WinnowError(.model, "teacher", "gives no scores as its first output")
            }
            graph = joined.graph
            parts.append(((weights.isEmpty ? 1 : weights[index]) / sum, goal))
            setup.frozen.formUnion(joined.initializers)
            setup.findings += joined.findings
            setup.findings.append(Finding("teacher", .done, .parameters, after: Double(teacher.graph.parameterCount)))
        }
        let (builder, index) = (GraphBuilder(extending: graph), GraphIndex(graph))
        if by != .mse, let type = graph.infos[output]?.type, let extents = type.extents, extents.count < 2 || extents[1] == .fixed(1) {
            throw WinnowError(
                .recipe, "by: \(by.rawValue)", "compares scores of classes (N, classes), and output \(output) is \(type)", remedy: "use mse")
        }
        let student = try builder.logits(of: output, in: index)
        let goals = try parts.map { (weight: $0.weight, value: try builder.logits(of: $0.goal, in: index)) }
        objective.fixedValues += zip(goals, parts).map { graph.infos[$0.value] == nil ? $1.goal : $0.value }
        let soft = try goals.map { ($0.weight, try distance(builder, student, $0.value, objective.labels)) }
        // Without labels the teacher alone says what is right.
        let share = setup.imitates ? 1 : alpha
        let loss = try Loss.weightedSum(builder, [(share, Loss.weightedSum(builder, soft)), (1 - share, objective.loss)])
        objective.loss = loss
        var edit = builder.edit()
        edit.outputs = [loss]
        objective.graph = try graph.applying(edit)
        setup.objective = objective
    }

    private func distance(_ b: GraphBuilder, _ student: ValueName, _ teacher: ValueName, _ labels: ValueName?) throws -> ValueName {
        switch by {
        case .kl: return try Loss.distillation(b, student: student, teacher: teacher, temperature: temperature)
        case .mse: return try Loss.meanSquaredError(b, student, teacher)
        case .decoupled:
            guard let labels else { throw WinnowError(.recipe, "by: decoupled", "needs labels, and the objective has none", remedy: "use kl") }
            guard b.info(of: labels)?.elementType == .int64 else {
                throw WinnowError(.recipe, "by: decoupled", "needs one class a sample, which mixup does not leave", remedy: "use kl, or leave mixup out")
            }
            return try Loss.decoupledDistillation(
                b, student: student, teacher: teacher, labels: labels, temperature: temperature, beta: beta)
        }
    }
}
