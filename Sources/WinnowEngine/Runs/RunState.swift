import Foundation
package import WinnowTensor

/// What a run has finished, so that it goes on after a stop and ends with the same bytes: parts by name, each a record and
/// tensors.
///
/// Whatever is long keeps its work here: a recipe its steps, a search its rounds, training its epochs. Work is resumed only
/// where it begins from the same: what was saved under another fingerprint is refused.
package struct RunState: Sendable {
    private let store: any CheckpointStore
    private var name = ""
    private var fingerprints: [Fingerprint] = []

    package init(in store: any CheckpointStore) { self.store = store }

    /// The same place for work that depends on this too.
    package func bound(to fingerprint: Fingerprint) -> RunState {
        var result = self
        result.fingerprints.append(fingerprint)
        return result
    }

    /// A place of its own for a part of the work.
    package func part(_ name: String) -> RunState {
        var result = self
        result.name = self.name.isEmpty ? name : "\(self.name)-\(name)"
        return result
    }

    private struct Entry<Content: Codable>: Codable {
        var fingerprints: [Fingerprint]
        var record: Content
    }

    private static let key = "winnow.run"

    /// Replaces what was saved here.
    package func save(_ record: some Codable, _ tensors: [String: Tensor] = [:]) throws {
        let text = String(decoding: try JSONEncoder.exact().encode(Entry(fingerprints: fingerprints, record: record)), as: UTF8.self)
        try store.save(Checkpoint(tensors: tensors, metadata: [Self.key: text]), as: name)
    }

    /// What was saved here, or nil if nothing was. Throws `.data` if another run did.
    package func load<Content: Codable>(
        _ type: Content.Type = Content.self
    ) throws -> (record: Content, tensors: [String: Tensor])? {
        guard let checkpoint = try store.load(name) else { return nil }
        guard let text = checkpoint.metadata[Self.key],
            let entry = try? JSONDecoder.exact.decode(Entry<Content>.self, from: Data(text.utf8)), entry.fingerprints == fingerprints
        else {
            throw WinnowError(
                .data, store.place, "belongs to a run with another model, data, settings, seed or version of winnow",
                remedy: "delete it to start anew, or go on as that run began")
        }
        return (entry.record, checkpoint.tensors)
    }

    /// Where a part of this work may keep rows of numbers that a checkpoint would not hold; nil: nowhere.
    package func file(_ part: String) -> String? { store.file(of: self.part(part).name) }

    /// Drops what the parts of this work have saved, once the work itself is.
    package func removeParts() { store.remove(partsBeginning: name.isEmpty ? "" : "\(name)-") }
}
