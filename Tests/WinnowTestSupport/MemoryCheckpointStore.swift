package import WinnowEngine

/// Keeps checkpoints in memory, for one thread.
package final class MemoryCheckpointStore: CheckpointStore, @unchecked Sendable {
    package var checkpoints: [String: Checkpoint] = [:]
    package var saveCount = 0
    package var place: String { "memory" }

    package init() {}

    package func save(_ checkpoint: Checkpoint, as part: String) {
        checkpoints[part] = checkpoint
        saveCount += 1
    }

    package func load(_ part: String) -> Checkpoint? { checkpoints[part] }

    package func remove(partsBeginning prefix: String) { checkpoints = checkpoints.filter { !$0.key.hasPrefix(prefix) } }
}
