import Foundation
import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowTensor

@testable import Winnow

@Suite struct RunFolderTests {
    private let folder = NSTemporaryDirectory() + "winnow-state-" + UUID().uuidString

    private func step() throws -> (Graph, Report.Step) {
        let graph = try Architecture.named("mlp").makeGraph(widths: [4, 3])
        return (graph, Report.Step(name: "fold-constants", settings: "{}", seconds: 0, findings: [], result: nil))
    }

    private func open(_ settings: String = "a") throws -> RunFolder {
        try RunFolder(folder, of: Fingerprint(settings: settings, seed: 0))
    }

    private var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } }

    @Test func aFolderOfItsOwnComesAndGoes() throws {
        let run = try open()
        let (graph, record) = try step()
        try run.state(of: "step-1").part("training").save(1)
        try run.finish("step-1", graph: graph, record: record)
        #expect(try names == ["step-1.onnx", "step-1.safetensors", "winnow-run.safetensors"])
        try run.state(of: "step-2").part("round-1").part("training").save(1)
        #expect(try open().finished("step-1") != nil && open().finished("step-2") == nil)
        try open().remove(["step-1", "step-2"])
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    /// Nobody has another copy of work that was kept.
    @Test(arguments: ["step-1.safetensors", "step-1.onnx"]) func damagedWorkIsToBeDeleted(_ file: String) throws {
        let run = try open()
        let (graph, record) = try step()
        try run.finish("step-1", graph: graph, record: record)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("damaged".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(file)"))
        let error = #expect(throws: WinnowError.self) { try open().finished("step-1") }
        #expect(error?.remedy == "delete \(folder) to start anew")
    }

    @Test func anotherRunIsRefused() throws {
        _ = try open("a")
        let error = #expect(throws: WinnowError.self) { try open("b") }
        #expect(error?.kind == .data && error?.subject == folder)
    }

    /// A run that ended before it kept anything leaves no folder that would refuse the next; one that was stopped with something kept does,
    /// one that failed gives way.
    @Test func whatWasNotUsedIsNotInTheWay() throws {
        let stop = WinnowError(.cancelled, "run", "was stopped")
        try open("a").release(after: stop)
        #expect(!FileManager.default.fileExists(atPath: folder))
        let run = try open("b")
        try run.state(of: "step-1").part("training").save(1)
        run.release(after: stop)
        #expect(try names.count == 2)
        #expect(throws: WinnowError.self) { try open("c") }
        try open("b").release(after: WinnowError(.data, "label 3", "is no class"))
        #expect(try names.count == 3)
        #expect(try open("b").state(of: "step-1").part("training").load(Int.self)?.record == 1)
        try open("b").release(after: WinnowError(.data, "label 3", "is no class"))
        let other = try open("c")
        #expect(try names.count == 1)
        other.remove(["step-1"])
    }

    /// Files that were cut short or are of others are told of, not believed.
    @Test(arguments: ["winnow-run.safetensors", "step-1.safetensors", "step-1.onnx"])
    func damagedFilesAreRefused(name: String) throws {
        let (graph, record) = try step()
        try open().finish("step-1", graph: graph, record: record)
        let file = "\(folder)/\(name)"
        let bytes = try #require(FileManager.default.contents(atPath: file))
        for damaged in [bytes.prefix(bytes.count / 2), Data("mine".utf8)] {
            try damaged.write(to: URL(fileURLWithPath: file))
            #expect(throws: WinnowError.self) { try open().finished("step-1") }
        }
        try SafeTensors(tensors: [:], metadata: ["winnow.run": "{}"]).write(to: file)
        #expect(throws: WinnowError.self) { try open().finished("step-1") }
    }

    /// What somebody else put into a folder is never touched, and its folder never removed.
    @Test func othersFilesStay() throws {
        let file = folder + "/notes.txt"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try open().remove(["step-1"])
        #expect(try names.isEmpty)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: WinnowError.self) { try open() }
        #expect(FileManager.default.contents(atPath: file) == Data("mine".utf8))
        try FileManager.default.removeItem(atPath: file)
        let run = try open()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: file))
        run.remove((1...100).map { "step-\($0)" })
        #expect(try names == ["notes.txt"])
    }
}
