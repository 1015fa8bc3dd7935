public import WinnowGraph
import WinnowTensor
public import WinnowTraining

/// A pass that trains has three moments; `finetune` carries any number of them through one run.
///
/// Prepare inserts what trains along, a hook in the set-up acts between steps, finalize takes out what only served training.
public protocol TrainingPass: Pass {
    /// What in a training run is decided by this pass, and by no second one.
    static var decides: TrainingDecision? { get }

    /// Whether weights stay where they are, so that no pass of the run can decide which are zero.
    var keepsWeights: Bool { get }

    /// Inserts what trains along into `setup.model`: masks, Q/DQ pairs.
    func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws

    /// Changes `setup.objective`, which the prepared model has by now: joins a teacher. The pass that decides how much the labels count comes
    /// first, so that what the others add counts beside it.
    func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws

    /// Takes out what only served training: folds masks, fixes codes.
    func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult
}

/// What at most one pass decides in a training run.
public enum TrainingDecision: String, Sendable {
    case codes = "how weights are rounded"
    case zeros = "which weights are zero"
    case scores = "how much the labels count beside teachers"
}

/// A training run while passes make it ready.
public struct TrainingSetup {
    /// The graph as it came, before any pass.
    public let original: Graph
    /// The inference graph that is trained.
    public var model: Graph
    /// What is made small; there is none until every pass has prepared the model.
    public var objective: Objective?
    /// Whether the objective is only to stay near the original, for want of labels.
    package var imitates = false
    /// Whether what the objective does not need is left out once every pass has extended it.
    package var dropsUnread = false
    /// Initializers that the optimizer must leave alone.
    public var frozen: Set<ValueName> = []
    /// Parameters that are trained differently, or trained at all although the defaults would not.
    package var options: [ValueName: ParameterOptions] = [:]
    /// What acts between steps.
    package var hooks: [any TrainingHook] = []
    public var findings: [Finding] = []
    /// Types of parameters that became float32 in the model, inputs and outputs excepted.
    private(set) var widened: Set<ElementType> = []
    /// Models whose quality findings tell beside that of epochs.
    var references: [TrainingReference] = []

    package init(_ graph: Graph) {
        original = graph
        model = graph
    }
}

extension TrainingSetup {
    /// Lets a model whose layers compute in float16, bfloat16 or float64 do so in float32, beside which integers are trained and stored; its inputs
    /// and outputs keep their types. As it is, and why, where an operator does not take float32 instead.
    mutating func computeInFloat32() {
        let types = model.masterTypes.intersection(model.weightSites.compactMap { [model] in model.infos[$0.operand]?.elementType })
        guard !types.isEmpty else { return }
        let words = types.map { "\($0)" }.sorted().joined(separator: " and ")
        do {
            model = try model.widened(from: types)
            widened.formUnion(types)
            let reason = "\(words) became float32, beside which integers are trained; inputs and outputs keep their types"
            findings.append(Finding("graph", .done, reason: reason))
        } catch {
            findings.append(Finding("graph", .skipped, reason: "it stays \(words), beside which no integers are trained: \(error)"))
        }
    }
}

/// A model beside the one that is trained: what that is to reach, or where it begins.
struct TrainingReference {
    /// As findings call it: `teacher`.
    let subject: String
    let graph: Graph
    var reason = ""
}

extension TrainingPass {
    public static var decides: TrainingDecision? { nil }
    public var keepsWeights: Bool { false }
    public var needs: PassNeeds { .training }
    public func prepare(_ setup: inout TrainingSetup, in context: PassContext) throws {}
    public func extendObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {}
    public func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult { PassResult(graph: graph) }

    /// On its own, a training pass runs as the only passenger of `finetune` with that pass's defaults.
    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let run = Finetune(carrying: [self])
        return try (context.isRehearsal ? run.rehearsal : run).apply(to: graph, in: context)
    }
}
