import Foundation
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowReport
import WinnowTensor

/// The folder in which a run keeps finished steps and checkpoints. Only what a run wrote there is ever removed.
struct PipelineState {
    let folder: String

    /// Marks the folder as a run's; its lines are the run's identity and whether the run made the folder.
    private static let marker = "winnow-run"

    /// Opens the folder for the run called `identity`. Throws `.file` if it holds another run or anything else.
    init(folder: String, identity: String) throws {
        self.folder = folder
        let exists = FileManager.default.fileExists(atPath: folder)
        if let found = Self.markerLines(in: folder) {
            guard found.first.map(String.init) == identity else {
                throw WinnowError(
                    .file, folder, "holds an unfinished run of another recipe, model, data or seed",
                    remedy: "delete it to start anew, or give another --state folder")
            }
            return
        }
        if exists { try Self.checkEmpty(folder) }
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw WinnowError(.file, folder, "cannot be created", remedy: "choose another --state folder")
        }
        try AtomicFile.write("\(identity)\n\(exists ? "found" : "made")\n", to: "\(folder)/\(Self.marker)")
    }

    private static func markerLines(in folder: String) -> [Substring]? {
        (try? String(contentsOfFile: "\(folder)/\(marker)", encoding: .utf8)).map { $0.split(separator: "\n") }
    }

    private static func checkEmpty(_ folder: String) throws {
        guard let contents = try? FileManager.default.contentsOfDirectory(atPath: folder), contents.isEmpty else {
            throw WinnowError(
                .file, folder, "is there and holds something that no run put there", remedy: "give a new folder for --state")
        }
    }

    /// The graph and record of a step that was finished; nil if it was not.
    func finishedStep(_ index: Int) throws -> (Graph, Report.Step)? {
        guard let bytes = FileManager.default.contents(atPath: path(index, "json")) else { return nil }
        guard let record = try? JSONDecoder().decode(Report.Step.self, from: bytes) else { return nil }
        return (try ONNXFile.read(path(index, "onnx"), registry: OperatorCatalogue.registry), record)
    }

    /// Writes the graph, then the record that marks the step as finished, and drops its checkpoints.
    func finish(_ index: Int, graph: Graph, record: Report.Step) throws {
        try ONNXFile.write(graph, to: path(index, "onnx"))
        try AtomicFile.write(Array(JSONEncoder().encode(record)), to: path(index, "json"))
        removeCheckpoints(of: index)
    }

    /// The checkpoint of one part of a step's work.
    func checkpoint(of index: Int, part: String) -> CheckpointFile {
        CheckpointFile("\(checkpoints(of: index))/\(part).safetensors")
    }

    /// Removes the files of a run with so many steps, and the folder if the run made it and nothing else is in it.
    static func remove(_ folder: String, stepCount: Int) {
        if let lines = markerLines(in: folder) { PipelineState(opened: folder).remove(lines, stepCount: stepCount) }
    }

    private init(opened folder: String) { self.folder = folder }

    private func remove(_ lines: [Substring], stepCount: Int) {
        for index in 0..<stepCount {
            removeCheckpoints(of: index)
            for suffix in ["json", "onnx", "onnx.data"] { unlink(path(index, suffix)) }
        }
        unlink("\(folder)/\(Self.marker)")
        if lines.last == "made" { rmdir(folder) }
    }

    private func removeCheckpoints(of index: Int) {
        let folder = checkpoints(of: index)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.contains(".safetensors") {
            unlink("\(folder)/\(name)")
        }
        rmdir(folder)
    }

    private func checkpoints(of index: Int) -> String { "\(folder)/checkpoints-\(index + 1)" }
    private func path(_ index: Int, _ suffix: String) -> String { "\(folder)/step-\(index + 1).\(suffix)" }
}
