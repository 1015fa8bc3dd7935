import Foundation
import Testing
import WinnowFormats
import WinnowGraph
import WinnowTensor

@testable import Winnow

@Suite struct PipelineStateTests {
    private let folder = NSTemporaryDirectory() + "winnow-state-" + UUID().uuidString

    private func step() throws -> (Graph, Report.Step) {
        let graph = try Architecture.named("mlp").makeGraph(widths: [4, 3])
        return (graph, Report.Step(name: "fold-constants", settings: "{}", seconds: 0, findings: [], result: nil))
    }

    @Test func aFolderOfItsOwnComesAndGoes() throws {
        let state = try PipelineState(folder: folder, identity: "a")
        let (graph, record) = try step()
        try state.checkpoint(of: 0, part: "training").save(.init())
        try state.finish(0, graph: graph, record: record)
        #expect(try PipelineState(folder: folder, identity: "a").finishedStep(0) != nil)
        PipelineState.remove(folder, stepCount: 1)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test func anotherRunIsRefused() throws {
        _ = try PipelineState(folder: folder, identity: "a")
        #expect(throws: WinnowError.self) { try PipelineState(folder: folder, identity: "b") }
    }

    /// What somebody else put into a folder is never touched, and its folder never removed.
    @Test func othersFilesStay() throws {
        let file = folder + "/notes.txt"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = try PipelineState(folder: folder, identity: "a")
        PipelineState.remove(folder, stepCount: 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: WinnowError.self) { try PipelineState(folder: folder, identity: "a") }
        PipelineState.remove(folder, stepCount: 100)
        #expect(FileManager.default.contents(atPath: file) == Data("mine".utf8))
        try FileManager.default.removeItem(atPath: file)
        _ = try PipelineState(folder: folder, identity: "a")
        try Data("mine".utf8).write(to: URL(fileURLWithPath: file))
        PipelineState.remove(folder, stepCount: 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["notes.txt"])
    }
}
