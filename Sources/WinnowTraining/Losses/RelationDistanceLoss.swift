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
            return try b.divide(all, b.meanOverPairs(all))
        }
        return try b.huber(distances(place.prediction), distances(target.value), delta: 1)
    }
}
