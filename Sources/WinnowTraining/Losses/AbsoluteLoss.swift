package import WinnowGraph
import WinnowOperators

/// mean(|p − t|) (`torch.nn.L1Loss`).
package enum AbsoluteLoss: LossFunction {
    package static let name = "l1"

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let b = place.builder
        return try place.mean(b.add(Abs(), b.subtract(place.prediction, target.value)))
    }
}
