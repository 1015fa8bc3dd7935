package import WinnowGraph

/// What one epoch came to.
public struct EpochRecord: Codable, Hashable, Sendable {
    /// Counted from 1.
    public var epoch: Int
    /// The learning rate of the epoch's last step.
    public var learningRate: Double
    /// The mean training loss over the epoch's samples.
    public var loss: Double
    public var validationTop1: Double?
    public var validationLoss: Double?
    /// By a metric of one's own, larger is better: the negative of one that should be low.
    public var validationScore: Double?
}

/// What training gives back.
package struct TrainingResult: Sendable {
    /// The model with its trained parameters, running statistics and masks, in inference form.
    package var model: Graph
    package var history: [EpochRecord]
    /// The epoch, counted from 1, whose state `model` has.
    package var epoch: Int
    package var parameters: [ValueName]
    /// What stayed as it was because the loss cannot be differentiated through a node after it.
    package var obstacles: [ValueName: Node]
    /// What stayed as it was because a node behind it runs between plans.
    package var held: [ValueName: Node] = [:]
}
