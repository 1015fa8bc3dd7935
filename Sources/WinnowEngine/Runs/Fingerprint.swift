import Foundation
package import WinnowGraph
import WinnowTensor

/// What the course of some work depends on, as one text: it differs where models, data, settings, seed or program do.
package struct Fingerprint: Hashable, Sendable, Codable {
    package let text: String

    /// Contents count, not names of files: weights of models, and of data sets the samples as they were prepared, their order and
    /// their labels. Data sets are told apart by their place, so that splits that change places are other data.
    package init(
        models: [Graph] = [], data: [Dataset?] = [], settings: some Encodable, seed: UInt64,
        version: String = ProgramVersion.current
    ) throws {
        let encoder = JSONEncoder.exact(.sortedKeys)
        var hash = ContentHash()
        hash.add("\(version) \(seed) \(models.count) \(data.count)")
        hash.add(String(decoding: try encoder.encode(settings), as: UTF8.self))
        for samples in data { hash.add(try samples?.fingerprint ?? "none") }
        for model in models { hash.add(model) }
        text = hash.text
    }
}
