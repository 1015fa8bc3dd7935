import Foundation
import Testing
import WinnowTensor

@testable import Winnow

@Suite struct FileRolesTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "winnow-roles-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in ["model.onnx", "data.npz"] { try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
    }

    private func roles() -> FileRoles {
        var roles = FileRoles(reading: ["\(folder)/data.npz"])
        roles.reads(model: "\(folder)/model.onnx")
        return roles
    }

    @Test(arguments: ["data.npz", "./data.npz", "../\\/data.npz", "model.onnx"]) func whatIsReadStays(name: String) {
        let path = name.replacing("\\", with: URL(fileURLWithPath: folder).lastPathComponent)
        var roles = roles()
        #expect(throws: WinnowError.self) { try roles.writes("\(folder)/\(path)", for: "--output") }
    }

    @Test func linksAndHardLinksAreTheSameFile() throws {
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/soft", withDestinationPath: "data.npz")
        try FileManager.default.linkItem(atPath: "\(folder)/data.npz", toPath: "\(folder)/hard")
        for name in ["soft", "hard"] {
            var roles = roles()
            #expect(throws: WinnowError.self) { try roles.writes("\(folder)/\(name)", for: "--output") }
        }
    }

    @Test func theModelMayBeReplacedByName() throws {
        var roles = roles()
        try roles.writes("\(folder)/./model.onnx", for: "--output", replacing: "\(folder)/model.onnx")
        #expect(throws: WinnowError.self) { try roles.writes("\(folder)/model.onnx", for: "--report") }
    }

    @Test func outputsDiffer() throws {
        var roles = roles()
        try roles.writes("\(folder)/new.html", for: "--report")
        let error = #expect(throws: WinnowError.self) { try roles.writes("\(folder)/x/../new.html", for: "save: new") }
        #expect(error?.kind == .usage && error?.description.contains("--report") == true)
    }

    @Test(arguments: ["x.gguf", "x.NPZ", "x.html", "x.json"]) func endingsOfOtherFormatsAreRefused(name: String) throws {
        #expect(throws: WinnowError.self) { try OutputName.checkModel(name) }
        for other in ["x.onnx", "x", "/dev/stdout", "model.v2", "a.gguf/x"] { try OutputName.checkModel(other) }
        #expect(throws: WinnowError.self) { try OutputName.checkArrays("x.onnx") }
        #expect(throws: WinnowError.self) { try OutputName.checkPage("report.json") }
    }
}
