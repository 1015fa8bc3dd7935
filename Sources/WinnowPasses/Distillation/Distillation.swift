import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Lets a teacher's outputs guide training: α·T²·KL(softmax(teacher/T) ‖ softmax(student/T)) + (1 − α)·cross-entropy.
///
/// Teacher and student are joined on the same inputs (Hinton et al. 2015, section 2).
public struct Distillation: TrainingPass {
    public static let name = "distillation"
    public static let summary = "trains towards a teacher's softened outputs"
    public static let guide = """
        The loss becomes α·T²·KL(teacher ‖ student) at temperature T plus (1 − α) times the cross-entropy with the labels. \
        The teacher is another model with the same inputs, or, if none is named, the model as it was before compression. \
        Its parameters do not change.
        """
    public static let strengths = [Strength("alpha", none: 0)]

    public var teacher = TeacherChoice()
    @Hyperparameter("what scores are divided by before softmax", in: 1e-3...1e4) public var temperature = 4.0
    @Hyperparameter("part of the teacher in the loss", in: 0...1) public var alpha = 0.7

    public init() {}

    public var models: [String] { teacher.models }

    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        guard var objective = setup.objective, let output = setup.model.outputs.first, alpha > 0 else { return }
        let teacher = try Teacher(self.teacher.graph(in: context, or: setup.original))
        let joined = try teacher.joined(to: objective.graph)
        guard let goal = joined.outputs.first, joined.graph.infos[goal]?.elementType == .float32 else {
            throw WinnowError(.model, "teacher", "gives no scores as its first output")
        }
        let (builder, index) = (GraphBuilder(extending: joined.graph), GraphIndex(joined.graph))
        let soft = try Loss.distillation(
            builder, student: builder.logits(of: output, in: index), teacher: builder.logits(of: goal, in: index),
            temperature: temperature)
        let loss = try Loss.weightedSum(builder, [(alpha, soft), (1 - alpha, objective.loss)])
        objective.loss = loss
        var edit = builder.edit()
        edit.outputs = [loss]
        objective.graph = try joined.graph.applying(edit)
        setup.objective = objective
        setup.frozen.formUnion(joined.initializers)
        setup.findings.append(Finding("teacher", .done, .parameters, after: Double(teacher.graph.parameterCount)))
    }
}
