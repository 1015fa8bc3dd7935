import WinnowReport
import WinnowGraph
public import WinnowEngine
public import WinnowPasses
import WinnowTensor
public import WinnowTraining

extension Model {
    /// The model after one pass, and what the pass did to every tensor; `teacher` is whom distillation follows.
    /// Throws `.recipe` for unknown names and values.
    public func applying(
        _ pass: String, _ hyperparameters: [String: HyperparameterValue] = [:], data: DataSplits? = nil,
        teacher: Model? = nil, seed: UInt64 = 0
    ) throws -> (model: Model, findings: [Finding]) {
        let recipe = Recipe([try PassStep(named: pass, hyperparameters: hyperparameters).pass])
        let result = try Pipeline(recipe, data: data, teacher: teacher, seed: seed)
            .run(on: self, outputFolder: ".")
        return (result.model, result.steps.flatMap(\.findings))
    }

    /// The model trained on the training split, in its best state on the validation split, and one record an epoch.
    public func trained(
        _ configuration: TrainingConfiguration, on data: DataSplits, progress: ProgressReporter? = nil
    ) throws -> (model: Model, history: [EpochRecord]) {
        let training = try data.required(.training, of: "data").adapted(to: graph)
        var trainer = try Trainer(graph, configuration: configuration)
        trainer.progress = progress
        let result = try trainer.train(on: training, validation: data.validation?.adapted(to: graph))
        return (Model(result.model), result.history)
    }

    /// Accuracy and loss on labelled data, from the executed model.
    public func evaluated(on data: Dataset) throws -> Evaluation { try Evaluation(of: graph, on: data) }
}
