package import WinnowGraph

/// mean((p − t)²) (`torch.nn.MSELoss`).
package enum MeanSquaredLoss: LossFunction {
    package static let name = "mse"

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        try Loss.meanSquaredError(place.builder, place.prediction, target.value)
    }
}
