package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// The cosines of the angles that any three samples of a step make: the Huber loss over all of them (Park et al., "Relational Knowledge
/// Distillation", 2019, equations 8 to 10). N³ numbers for N samples.
package enum RelationAngleLoss: LossFunction {
    package static let name = "relation-angle"
    package static let comparesChannels = false

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let b = place.builder
        func angles(_ value: ValueName) throws -> ValueName {
            let rows = try b.rows(value)
            func axis(_ number: Int64) -> ValueName { b.constant("axes", Tensor([number])) }
            let differences = try b.subtract(b.add(Unsqueeze(), rows, axis(0)), b.add(Unsqueeze(), rows, axis(1)))
            let directions = try b.unitVectors(differences)
            return try b.add(MatMul(), directions, b.add(Transpose([0, 2, 1]), directions))
        }
        return try b.huber(angles(place.prediction), angles(target.value), delta: 1)
    }
}
