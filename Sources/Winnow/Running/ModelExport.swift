import WinnowGraph
public import WinnowPasses
import WinnowReport
import WinnowTensor

/// A model as a runtime wants it: what `winnow export` does.
///
/// Whatever does not depend on data is computed once, normalizations go into the layers before them, dead ends go, and what the runtime will
/// not take is told.
public struct ModelExport: Sendable {
    /// The runtime.
    public var profile: Chosen<ExportProfiles> = "onnxruntime"
    /// The operator set to write; nil: that of the model.
    public var operatorSet: Int?
    /// Whether weights are stored and multiplied in float16.
    public var usesHalf = false
    /// Whether nodes and values inside get the shortest names there are.
    public var shortensNames = false
    /// Whether inputs with default values become constants, which no caller can replace.
    public var freezesDefaults = false

    public init() {}

    /// The passes, in order.
    public var recipe: Recipe {
        get throws {
            try Recipe {
                try Recipe(pass: FoldConstants.name, settings: freezesDefaults ? ["defaults=true"] : [])
                RemoveIdentity()
                FoldBatchNorm()
                RemoveDeadNodes()
                RemoveNotes()
                if usesHalf { Float16Conversion() }
                if shortensNames { ShortNames() }
            }
        }
    }

    /// Throws `.usage` for an operator set that is older than the model's or not known, `.model` where a node has no form in it.
    public func callAsFunction(_ model: Model, data: DataSplits? = nil) throws -> ExportedModel {
        var pipeline = Pipeline(try recipe, data: data)
        pipeline.recordsRecipe = true
        var result = try pipeline.run(on: model)
        if let operatorSet {
            let own = result.model.graph.neededVersions[""] ?? 1
            guard (own...Self.newestOperatorSet).contains(operatorSet) else {
                throw WinnowError(
                    .usage, "--opset", "\(operatorSet) is not between the model's \(own) and \(Self.newestOperatorSet)",
                    remedy: operatorSet < own ? "an older one must be asked for where the model is first exported" : "give a lower one")
            }
            result.model.graph.metadata.opsets[""] = operatorSet
            result.model.graph = try result.model.graph.agreeingOnVersions()
        }
        let graph = result.model.graph
        return ExportedModel(
            model: result.model, findings: result.findings, objections: profile.member.objections(to: graph), coverage: IntegerCoverage(graph)?.text)
    }

    /// The newest that is written.
    public static let newestOperatorSet = 28
}

/// What was made, what the passes did, and what the runtime will not take of it.
public struct ExportedModel: Sendable {
    public var model: Model
    public var findings: [Finding]
    public var objections: [Finding]
    /// How much of a quantized model is computed in integers, in words; nil without codes.
    public var coverage: String?
}
