import WinnowEngine
import WinnowGraph
import WinnowTensor

/// Shapes for a model's inputs, where it leaves extents open.
struct InputShapes {
    private let given: [ValueName: Shape]

    init(_ given: [String: [Int]]) { self.given = given.mapValues { Shape($0) } }

    /// The extents of texts such as `image=1x3x224x224`, by input.
    static func parse(_ texts: [String]) throws -> [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for text in texts {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            let extents = parts.last.map { $0.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 } } ?? []
            let name = parts.dropLast().joined(separator: "=")
            guard !name.isEmpty, extents.allSatisfy({ $0 > 0 }) else {
                throw WinnowError(
                    .usage, "--shape", "\(text) is no input with its shape", remedy: "write for example image=1x3x224x224")
            }
            shapes[name] = extents
        }
        return shapes
    }

    /// The shape of every input of `graph`; extents neither it nor these shapes tell are `batchSize`.
    func completed(for graph: Graph, batchSize: Int) throws -> [ValueName: Shape] {
        for (name, shape) in given {
            guard let input = graph.inputs.first(where: { $0.name == name }) else {
                throw WinnowError(
                    .usage, "input \(name)", "the model has no such input",
                    remedy: "its inputs are \(graph.inputNames.joined(separator: ", "))")
            }
            guard let declared = input.type.extents else { continue }
            guard declared.count == shape.rank, zip(declared, shape).allSatisfy({ $0.value == nil || $0.value == $1 }) else {
                let expected = declared.map { $0.value.map(String.init) ?? "?" }.joined(separator: "×")
                throw WinnowError(
                    .usage, "input \(name)", "\(shape) does not fit the model's \(expected)", remedy: "only ? may be chosen")
            }
        }
        return graph.sampleShapes(batchSize: batchSize).merging(given) { $1 }
    }
}
