package import WinnowGraph
import WinnowOperators

/// ‖G − H‖² ÷ N² of the similarities G = A·Aᵀ of the samples of a step, each row divided by its length (Tung and Mori,
/// "Similarity-Preserving Knowledge Distillation", 2019, equations 1 to 4).
package enum SimilarityLoss: LossFunction {
    package static let name = "similarity"
    package static let comparesChannels = false

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let b = place.builder
        func similarities(_ value: ValueName) throws -> ValueName {
            let rows = try b.rows(value)
            return try b.unitVectors(b.add(MatMul(), rows, b.add(Transpose([1, 0]), rows)))
        }
        return try Loss.meanSquaredError(b, similarities(place.prediction), similarities(target.value))
    }
}
