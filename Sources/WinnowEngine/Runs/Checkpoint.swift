package import WinnowTensor

/// Named tensors and text, as a safetensors file holds them.
package struct Checkpoint: Sendable {
    package var tensors: [String: Tensor]
    package var metadata: [String: String]

    package init(tensors: [String: Tensor] = [:], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }
}

/// Keeps the newest checkpoint of every part of a run; saving must replace the old one at once or not at all.
package protocol CheckpointStore: Sendable {
    /// What is to be deleted to start anew.
    var place: String { get }

    func save(_ checkpoint: Checkpoint, as part: String) throws
    /// The newest checkpoint of a part, or nil if there is none.
    func load(_ part: String) throws -> Checkpoint?
    /// Drops the checkpoints, and files, of parts whose names begin so.
    func remove(partsBeginning prefix: String)
    /// Where a part may have a file of its own; nil: nowhere.
    func file(of part: String) -> String?
}

extension CheckpointStore {
    package func file(of part: String) -> String? { nil }
}
