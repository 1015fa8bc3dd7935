import Foundation
import WinnowEngine
import WinnowFormats
import WinnowTensor

/// Checkpoints in safetensors files, each replaced at once or not at all: one in a file, or any number in a folder.
struct CheckpointFiles: CheckpointStore {
    let place: String
    private let isFolder: Bool

    init(file: String) {
        place = file
        isFolder = false
    }

    init(folder: String) {
        place = folder
        isFolder = true
    }

    private static let ending = ".safetensors"
    private static let rowsEnding = ".rows"

    private func path(of part: String) -> String { isFolder ? "\(place)/\(part)\(Self.ending)" : place }

    func save(_ checkpoint: Checkpoint, as part: String) throws {
        try SafeTensors(tensors: checkpoint.tensors, metadata: checkpoint.metadata).write(to: path(of: part))
    }

    func load(_ part: String) throws -> Checkpoint? {
        guard FileManager.default.fileExists(atPath: path(of: part)) else { return nil }
        return try Self.reading(place) {
            let file = try SafeTensors(contentsOf: path(of: part))
            return Checkpoint(tensors: file.tensors, metadata: file.metadata)
        }
    }

    /// What `read` finds of the work that is kept at `place`; where it is damaged, there is no other copy, and the work begins anew.
    static func reading<Content>(_ place: String, _ read: () throws -> Content) throws -> Content {
        do { return try read() } catch var error as WinnowError {
            error.remedy = "delete \(place) to start anew"
            throw error
        }
    }

    func file(of part: String) -> String? { isFolder ? "\(place)/\(part)\(Self.rowsEnding)" : nil }

    func holds(_ part: String) -> Bool { FileManager.default.fileExists(atPath: path(of: part)) }

    func remove(partsBeginning prefix: String) {
        guard isFolder else { unlink(place); return }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        where name.hasPrefix(prefix) && (name.contains(Self.ending) || name.hasSuffix(Self.rowsEnding)) {
            unlink("\(place)/\(name)")
        }
    }
}
