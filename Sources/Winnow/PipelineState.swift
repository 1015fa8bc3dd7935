import Foundation
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowReport
import WinnowTensor

/// The folder in which a run keeps finished steps and checkpoints.
struct PipelineState {
    let folder: String

    /// Opens the folder for the run called `identity`; what another run left there is thrown away.
    init(folder: String, identity: String) throws {
        self.folder = folder
        let manager = FileManager.default
        let marker = "\(folder)/identity"
        if (try? String(contentsOfFile: marker, encoding: .utf8)) != identity {
            try? manager.removeItem(atPath: folder)
            do { try manager.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
                throw WinnowError(.file, folder, "cannot be created", remedy: "choose another --state folder")
            }
            try AtomicFile.write(identity, to: marker)
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
        try? FileManager.default.removeItem(atPath: "\(folder)/checkpoints-\(index + 1)")
    }

    /// The checkpoint of one part of a step's work.
    func checkpoint(of index: Int, part: String) -> CheckpointFile {
        CheckpointFile("\(folder)/checkpoints-\(index + 1)/\(part).safetensors")
    }

    private func path(_ index: Int, _ suffix: String) -> String { "\(folder)/step-\(index + 1).\(suffix)" }
}
