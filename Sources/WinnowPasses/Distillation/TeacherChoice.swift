import WinnowGraph
import WinnowTensor

/// Which model a pass follows.
public struct TeacherChoice: HyperparameterGroup {
    @Hyperparameter("path of the teacher's model; none: the model as it came") public var teacher: String? = nil

    public init() {}

    init(_ change: (inout TeacherChoice) -> Void) {
        self.init()
        change(&self)
    }

    /// The files it reads.
    var models: [String] { teacher.map { [$0] } ?? [] }

    /// The model of this path, or the one before compression began, or `original`.
    func graph(in context: PassContext, or original: Graph) throws -> Graph {
        guard let teacher else { return context.teacher ?? original }
        guard let loadModel = context.loadModel else { throw WinnowError(.usage, "teacher \(teacher)", "models cannot be read here") }
        return try loadModel(teacher)
    }
}
