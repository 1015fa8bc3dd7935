package import WinnowTensor

/// Everything a run needs to go on as if it had never stopped: named tensors and text, as a safetensors file holds them.
package struct Checkpoint: Sendable {
    package var tensors: [String: Tensor]
    package var metadata: [String: String]

    package init(tensors: [String: Tensor] = [:], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// The tensors whose names begin with `prefix`, without it.
    package func tensors(under prefix: String) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (name, tensor) in tensors where name.hasPrefix(prefix) { result[String(name.dropFirst(prefix.count))] = tensor }
        return result
    }

    package mutating func set(_ tensors: [String: Tensor], under prefix: String) {
        for (name, tensor) in tensors { self.tensors[prefix + name] = tensor }
    }
}

/// Keeps the newest checkpoint of one run; saving must replace the old one at once or not at all.
package protocol CheckpointStore {
    func save(_ checkpoint: Checkpoint) throws
    /// The newest checkpoint, or nil if there is none.
    func load() throws -> Checkpoint?
}
