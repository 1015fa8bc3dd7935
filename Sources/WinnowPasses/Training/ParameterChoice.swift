import WinnowGraph
import WinnowTensor
import WinnowTraining

/// The parameters of a model that globs of tensors, of nodes that read them, or operator types mean.
struct ParameterChoice {
    private let parameters: [ValueName]
    private var readers: [ValueName: [Node]] = [:]

    init(of model: Graph) {
        parameters = model.trainableInitializers()
        for node in model.nodes { for input in node.inputs { readers[input, default: []].append(node) } }
    }

    /// Throws `.recipe` for a glob that means none.
    func matching(_ glob: String, of setting: String) throws -> [ValueName] {
        let found = parameters.filter { Selection.matches(glob, $0, of: readers[$0] ?? []) }
        guard !found.isEmpty else {
            throw WinnowError(
                .recipe, "\(setting): \(glob)", "matches no parameter that is trained", remedy: Spelling.remedy(for: glob, among: parameters))
        }
        return found
    }
}
