import WinnowFormats
public import WinnowTensor

/// Named arrays in npz and safetensors files, as `winnow infer` takes and gives them.
public enum Arrays {
    /// Arrays for a model's inputs; that of an npy file is for the only one. Throws `.data` where there are more.
    public static func read(_ path: String, for model: Model) throws -> [String: Tensor] {
        guard path.lowercased().hasSuffix(".npy") else { return try read(path) }
        let names = model.graph.requiredInputs.map(\.name)
        guard let name = names.first, names.count == 1 else {
            throw WinnowError(
                .data, path, "is one array, but the model has the inputs \(names.joined(separator: ", "))",
                remedy: "give an npz or safetensors file")
        }
        return [name: try NPY.read(path)]
    }

    /// The arrays of an npz or safetensors file by name.
    public static func read(_ path: String) throws -> [String: Tensor] { try read(path, without: nil) }

    /// - Parameter omitted: an array of an npz file that is left out.
    private static func read(_ path: String, without omitted: String?) throws -> [String: Tensor] {
        try isSafeTensors(path) ? SafeTensors(contentsOf: path).tensors : NPZ.read(path, without: omitted)
    }

    /// The arrays of an npz, safetensors or npy file; that of an npy file has no name.
    static func readUnnamed(_ path: String, without omitted: String? = nil) throws -> [String: Tensor] {
        path.lowercased().hasSuffix(".npy") ? ["": try NPY.read(path)] : try read(path, without: omitted)
    }

    /// Writes the arrays and gives one line about each.
    public static func write(_ arrays: [String: Tensor], to path: String) throws -> [String] {
        if isSafeTensors(path) { try SafeTensors(tensors: arrays).write(to: path) } else { try NPZ.write(arrays, to: path) }
        return arrays.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.elementType) \($0.value.shape)" }
    }

    private static func isSafeTensors(_ path: String) -> Bool { path.lowercased().hasSuffix(".safetensors") }
}
