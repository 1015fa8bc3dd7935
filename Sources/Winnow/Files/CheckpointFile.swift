import Foundation
import WinnowFormats
import WinnowTensor
import WinnowTraining

/// A checkpoint in a safetensors file, replaced at once or not at all.
struct CheckpointFile: CheckpointStore {
    let path: String

    init(_ path: String) { self.path = path }

    func save(_ checkpoint: Checkpoint) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try SafeTensors(tensors: checkpoint.tensors, metadata: checkpoint.metadata).write(to: path)
    }

    func load() throws -> Checkpoint? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let file = try SafeTensors(contentsOf: path)
        return Checkpoint(tensors: file.tensors, metadata: file.metadata)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
