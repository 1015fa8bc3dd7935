import Foundation
import WinnowFormats
public import WinnowReport
import WinnowTensor

/// The folder of a search as `winnow pick` reads it: every candidate that was measured, and the files of those on the front.
public struct SearchFolder: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    private struct Contents: Codable {
        /// What scores are.
        var quality: String?
        /// The original first.
        var trials: [SearchTrial]
    }

    private static let fileName = "search.json"
    private var file: String { "\(path)/\(Self.fileName)" }

    func write(_ trials: [SearchTrial], quality: String?) throws {
        let encoder = JSONEncoder.exact([.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        try AtomicFile.write(Array(try encoder.encode(Contents(quality: quality, trials: trials))), to: file)
    }

    /// The best candidate within the limits, its score first, then what is left of it, and how it stands to each target.
    ///
    /// Throws `.file` where the folder holds no search, `.data` where nothing in it is within the limits, naming the least there is.
    public func pick(_ targets: CompressionTargets) throws -> (trial: SearchTrial, targets: [SearchSummary.Target], model: Model) {
        guard let bytes = FileManager.default.contents(atPath: file), let contents = try? JSONDecoder.exact.decode(Contents.self, from: bytes),
            let baseline = contents.trials.first
        else { throw WinnowError(.file, path, "holds no search", remedy: "give the folder that `winnow compress` left beside its output") }
        // What was made to learn its costs is nothing to choose.
        let kept = contents.trials.judged.filter { FileManager.default.fileExists(atPath: graphPath($0)) }
        let fitting = kept.filter { trial in targets.outcomes(of: trial, from: baseline).allSatisfy(\.isMet) }
        guard let first = fitting.first else { throw problem(targets, kept) }
        let best = fitting.dropFirst().reduce(first) { targets.prefers($1, to: $0, from: baseline) ? $1 : $0 }
        return (best, targets.outcomes(of: best, from: baseline), try Model(reading: graphPath(best)))
    }

    private func graphPath(_ trial: SearchTrial) -> String { "\(path)/\(trial.name).onnx" }

    private func problem(_ targets: CompressionTargets, _ kept: [SearchTrial]) -> WinnowError {
        let least = CompressionCost.allCases.filter { targets.limits[$0] != nil }.compactMap { cost in
            kept.compactMap { $0[cost] }.min().map { "the least \(cost.words) is \(cost.text($0))" }
        }
        return WinnowError(
            .data, path, "holds nothing within these limits", remedy: (least + ["search again with these targets"]).joined(separator: "; "))
    }
}
