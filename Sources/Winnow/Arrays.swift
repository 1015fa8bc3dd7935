import WinnowFormats
public import WinnowTensor

/// Named arrays in npz files, as `winnow infer` takes and gives them.
public enum Arrays {
    public static func read(_ path: String) throws -> [String: Tensor] { try NPZ.read(path) }

    /// Writes the arrays and gives one line about each.
    public static func write(_ arrays: [String: Tensor], to path: String) throws -> [String] {
        try NPZ.write(arrays, to: path)
        return arrays.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.elementType) \($0.value.shape)" }
    }
}
