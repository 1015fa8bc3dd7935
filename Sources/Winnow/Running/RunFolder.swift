import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowReport
import WinnowTensor

/// The folder in which a recipe's run keeps finished steps and what they have begun. Only what a run wrote there is ever removed.
struct RunFolder: Sendable {
    private let path: String
    private let files: CheckpointFiles
    private let state: RunState
    /// Whether the run made the folder.
    private let isOwn: Bool

    /// The part that marks the folder as a run's; its record is whether the run made the folder.
    private static let marker = "winnow-run"

    /// Opens the folder for the run that depends on `fingerprint`. Throws `.data` if it holds another run, `.file` if
    /// anything else.
    init(_ path: String, of fingerprint: Fingerprint) throws {
        self.path = path
        files = CheckpointFiles(folder: path)
        state = RunState(in: files).bound(to: fingerprint)
        if let (isOwn, _) = try state.part(Self.marker).load(Bool.self) {
            self.isOwn = isOwn
            return
        }
        isOwn = !FileManager.default.fileExists(atPath: path)
        if !isOwn { try Self.checkEmpty(path) }
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw WinnowError(.file, path, "cannot be created", remedy: "choose another --state folder")
        }
        try state.part(Self.marker).save(isOwn)
    }

    private static func checkEmpty(_ folder: String) throws {
        guard let contents = try? FileManager.default.contentsOfDirectory(atPath: folder), contents.isEmpty else {
            throw WinnowError(
                .file, folder, "is there and holds something that no run put there", remedy: "give a new folder for --state")
        }
    }

    /// Where a step keeps its work.
    func state(of step: Int) -> RunState { state.part(Self.name(of: step)) }

    /// The graph and record of a step that was finished; nil if it was not.
    func finishedStep(_ index: Int) throws -> (Graph, Report.Step)? {
        guard let (record, _) = try state(of: index).load(Report.Step.self) else { return nil }
        return (try ONNXFile.read(graphPath(index), registry: OperatorCatalogue.registry), record)
    }

    /// Writes the graph, then the record that marks the step as finished, and drops what the step had begun.
    func finish(_ index: Int, graph: Graph, record: Report.Step) throws {
        try ONNXFile.write(graph, to: graphPath(index))
        try state(of: index).save(record)
        state(of: index).removeParts()
    }

    /// Removes the files of a run with so many steps, and the folder if the run made it and nothing else is in it.
    func remove(stepCount: Int) {
        for index in 0..<stepCount {
            for separator in [".", "-"] { files.remove(partsBeginning: Self.name(of: index) + separator) }
            for suffix in ["", ".data"] { unlink(graphPath(index) + suffix) }
        }
        files.remove(partsBeginning: Self.marker + ".")
        if isOwn { rmdir(path) }
    }

    private static func name(of step: Int) -> String { "step-\(step + 1)" }
    private func graphPath(_ index: Int) -> String { "\(path)/\(Self.name(of: index)).onnx" }
}
