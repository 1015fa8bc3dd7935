package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// How far apart the samples of a step are, as parts of their mean distance: the Huber loss over all pairs (Park et al., "Relational
/// Knowledge Distillation", 2019, equations 5 to 7).
package enum RelationDistanceLoss: LossFunction {
    package static let name = "relation-distance"
    package static let comparesChannels = false

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let b = place.builder
        func distances(_ value: ValueName) throws -> ValueName {
            let all = try b.distances(b.rows(value))
            // No sample counts as a pair with itself.
            let count = try b.add(Sqrt(), b.add(Cast(to: b.info(of: all)?.elementType ?? .float32), b.add(SizeOf(), all)))
            let share = try b.divide(count, b.add(count, number: -1))
            return try b.divide(all, b.multiply(place.mean(all), share))
        }
        return try b.huber(distances(place.prediction), distances(target.value), delta: 1)
    }
}
