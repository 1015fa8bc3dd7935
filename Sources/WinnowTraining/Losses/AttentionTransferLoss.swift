package import WinnowGraph
import WinnowOperators

/// mean((q ÷ ‖q‖ − r ÷ ‖r‖)²) of maps q = Σ_c a² over channels (axis 1) of both values: where they look, not what they see (Zagoruyko and
/// Komodakis, "Paying More Attention to Attention", 2017, equation 2).
package enum AttentionTransferLoss: LossFunction {
    package static let name = "attention"
    package static let comparesChannels = false

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        guard place.extents.count > 2 else { throw place.error("and has no places beside its channels") }
        let b = place.builder
        func map(_ value: ValueName) throws -> ValueName {
            try b.unitVectors(b.add(Flatten(), b.add(ReduceSum(axes: [1]), b.square(value))))
        }
        return try Loss.meanSquaredError(b, map(place.prediction), map(target.value))
    }
}
