package import WinnowGraph
import WinnowTensor

/// Scores of one's own, read from a file: an array of each weight's shape under its name. Scores below 0 are raised by as much
/// as the lowest of all is below it, and so is what they are compared with.
package struct CustomImportance: ElementImportance {
    package static let name = "custom"

    private var scores: [ValueName: [Float]] = [:]
    package private(set) var zero: Float = 0

    package init() {}

    package mutating func prepare(
        for targets: [WeightTarget], scores path: String?, in graph: Graph, _ context: PassContext
    ) throws {
        guard let path else {
            throw WinnowError(
                .recipe, "importance custom", "needs a file of scores",
                remedy: "give scores=FILE, an npz, safetensors or npy file")
        }
        guard let loadArrays = context.loadArrays else {
            throw WinnowError(.usage, "scores \(path)", "files cannot be read here")
        }
        let arrays = try loadArrays(path)
        for target in targets {
            // The one array of an npy file has no name.
            let array = arrays[target.tensor] ?? (targets.count == 1 && arrays.count == 1 ? arrays[""] : nil)
            scores[target.tensor] = try Self.checked(array, for: target, path)
        }
        try Self.checkNames(arrays.keys.filter { !$0.isEmpty }, in: graph, path)
        let lowest = scores.values.lazy.compactMap { $0.min() }.min() ?? 0
        guard lowest < 0 else { return }
        zero = -lowest
        scores = scores.mapValues { [zero] in $0.map { $0 + zero } }
    }

    package func scores(of weight: MaskedWeight) -> [Float]? { scores[weight.tensor] }

    private static func checkNames(_ names: [String], in graph: Graph, _ path: String) throws {
        let known = Set(graph.valuesWithBodies)
        guard let unknown = names.filter({ !known.contains($0) }).min() else { return }
        let near = Spelling.nearest(to: unknown, in: known.sorted()).map { "did you mean \($0)?" }
        throw WinnowError(
            .data, "\(path): \(unknown)", "is no tensor of the model", remedy: near ?? "`winnow inspect --format text` lists the names")
    }

    private static func checked(_ array: Tensor?, for target: WeightTarget, _ path: String) throws -> [Float] {
        let subject = "\(path): \(target.tensor)"
        guard let array else {
            throw WinnowError(.data, subject, "is not in the file", remedy: "add its scores, or leave the weight out with except")
        }
        guard array.shape == target.stored.shape else {
            throw WinnowError(.data, subject, "has scores of shape [\(array.shape)], but the weight is [\(target.stored.shape)]")
        }
        guard array.elementType.isFloatingPoint || array.elementType.isInteger else {
            throw WinnowError(.data, subject, "holds \(array.elementType), not numbers", remedy: "save the scores as float32")
        }
        let scores = array.floats()
        guard scores.allSatisfy(\.isFinite) else {
            throw WinnowError(.data, subject, "has scores that are not finite", remedy: "give every weight a number")
        }
        return scores
    }
}
