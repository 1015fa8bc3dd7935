package import WinnowGraph

/// The mean of ½d² where d = |p − t| is below δ, else of δ·(d − ½δ) (`torch.nn.HuberLoss`).
package enum HuberLoss: LossFunction {
    package static let name = "huber"
    package static let settings: Set<LossSetting> = [.delta]

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        try place.builder.huber(place.prediction, target.value, delta: place.settings.delta)
    }
}
