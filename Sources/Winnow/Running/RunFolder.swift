import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowReport
import WinnowTensor

/// The folder in which a run keeps finished steps by their names, and what they have begun. Only what a run wrote there is ever removed.
struct RunFolder: Sendable {
    private let path: String
    private let files: CheckpointFiles
    private let state: RunState
    /// Whether the run made the folder.
    private let isOwn: Bool

    /// The part that marks the folder as a run's; its record is whether the run made the folder.
    private static let marker = "winnow-run"

    /// The part that marks a run that ended with an error: one that does it right need not ask for its place.
    private static let failure = "winnow-run-failure"

    /// Opens the folder for the run that depends on `fingerprint`. Throws `.data` if it holds another run that did not fail, `.file` if
    /// anything else.
    init(_ path: String, of fingerprint: Fingerprint) throws {
        self.path = path
        files = CheckpointFiles(folder: path)
        state = RunState(in: files).bound(to: fingerprint)
        let marked: Bool?
        do { marked = try state.part(Self.marker).load(Bool.self)?.record } catch let error as WinnowError {
            guard files.holds(Self.failure) else { throw error }
            files.remove(partsBeginning: "")
            for file in Self.graphs(in: path) { unlink("\(path)/\(file)") }
            rmdir(path)
            marked = nil
        }
        if let marked {
            isOwn = marked
            files.remove(partsBeginning: Self.failure)
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
    func state(of step: String) -> RunState { state.part(step) }

    /// The file of the graph that a step gave.
    func path(of step: String) -> String { "\(path)/\(step)\(Self.ending)" }

    /// What a step that was finished did; nil if it was not.
    func record(of step: String) throws -> Report.Step? { try state(of: step).load(Report.Step.self)?.record }

    /// The graph and record of a step that was finished; nil if it was not, or its graph was dropped.
    func finished(_ step: String) throws -> (graph: Graph, record: Report.Step)? {
        guard let record = try record(of: step), FileManager.default.fileExists(atPath: path(of: step)) else { return nil }
        let graph = try CheckpointFiles.reading(path) { try ONNXFile.read(self.path(of: step), registry: OperatorCatalogue.registry) }
        return (graph, record)
    }

    /// Writes the graph, then the record that marks the step as finished, and drops what the step had begun.
    func finish(_ step: String, graph: Graph, record: Report.Step) throws {
        try ONNXFile.write(graph, to: path(of: step))
        try state(of: step).save(record)
        state(of: step).removeParts()
    }

    /// Removes the file of a step's graph; its record stays.
    private func dropGraph(of step: String) {
        for suffix in ["", ".data"] { unlink(path(of: step) + suffix) }
    }

    /// Removes the graphs of all steps but these; their records stay.
    func dropGraphs(except kept: Set<String>) {
        for name in Self.graphs(in: path) where name.hasSuffix(Self.ending) {
            let step = String(name.dropLast(Self.ending.count))
            if !kept.contains(step) { dropGraph(of: step) }
        }
    }

    private static let ending = ".onnx"

    /// The files of graphs in a folder, and those of their data.
    private static func graphs(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { $0.hasSuffix(ending) || $0.hasSuffix(ending + ".data") }
    }

    /// Removes the folder of a run that ended with an error and has kept nothing; where it has, another run may take its place.
    ///
    /// - Parameter copy: a graph there that is no work, for the run was given it.
    func release(after error: any Error, without copy: String? = nil) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let graph = copy.map { $0 + Self.ending }
        if names.allSatisfy({ $0.hasPrefix(Self.marker + ".") || $0 == graph || $0 == graph.map { $0 + ".data" } }) {
            return remove(copy.map { [$0] } ?? [])
        }
        if (error as? WinnowError)?.kind != .cancelled { try? state.part(Self.failure).save(true) }
    }

    /// Removes the files of these steps, and the folder if the run made it and nothing else is in it.
    func remove(_ steps: [String]) {
        for step in steps {
            for separator in [".", "-"] { files.remove(partsBeginning: step + separator) }
            dropGraph(of: step)
        }
        files.remove(partsBeginning: Self.marker + ".")
        if isOwn { rmdir(path) }
    }
}
