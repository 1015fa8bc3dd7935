public import WinnowEngine
import WinnowGraph
import WinnowTensor
public import WinnowTraining

extension Model {
    /// The model trained on the training split, in its best state on the validation split, and one record an epoch.
    ///
    /// Without an `objective` it is the cross-entropy of the scores (the first output of floats) with the labels that is made small.
    /// Throws `.data` where data, model and objective do not fit, `.numeric` when the loss is no longer finite, `.cancelled`.
    public func trained(
        _ configuration: TrainingConfiguration, on data: DataSplits, objective: Objective? = nil,
        cancellation: Cancellation? = nil, progress: ProgressReporter? = nil
    ) throws -> (model: Model, history: [EpochRecord]) {
        let training = try data.required(.training, of: "data")
        let graph = try graph.separatingStatistics()
        var trainer = try objective.map { Trainer(graph, objective: $0.takingMasterWeights(), configuration: configuration) }
            ?? Trainer(graph, configuration: configuration, places: Trainer.places(of: training, for: graph))
        trainer.cancellation = cancellation
        trainer.progress = progress
        // An objective may read arrays that the model does not.
        let result = try objective == nil
            ? trainer.train(on: training.adapted(to: graph), validation: data.validation?.adapted(to: graph))
            : trainer.train(on: training, validation: data.validation)
        return (Model(result.model), result.history)
    }
}
