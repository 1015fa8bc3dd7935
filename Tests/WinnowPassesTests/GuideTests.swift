import Foundation
import Testing
import WinnowPasses
import WinnowTensor

/// Every method has its page in Guides/, and the index links it.
struct GuideTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Guides")
    private static func page(of pass: any Pass.Type) -> String { "\(pass.page).md" }

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }

    @Test(arguments: PassCatalogue.all.map { $0.name }) func everyPassHasAGuide(name: String) throws {
        let pass = try PassCatalogue.pass(named: name)
        let page = Self.page(of: pass)
        let guide = try Self.text(page)
        #expect(guide.contains(name), "\(page) does not name \(name)")
        #expect(try Self.text("README.md").contains("](\(page))"))
    }

    /// What is wrong with a pass, its hyperparameters or its data leads to its page; requests to stop lead nowhere.
    @Test func errorsLeadToTheGuide() throws {
        let graph = try Zoo.twoHeads()
        let unknown = #expect(throws: WinnowError.self) { try PassStep(named: "static-quantization", hyperparameters: ["nothing": .number(1)]) }
        #expect(unknown?.guide == "StaticQuantization")
        let failed = #expect(throws: WinnowError.self) { try StaticQuantization()(graph) }
        #expect(failed?.guide == "StaticQuantization" && failed?.descriptionWithGuide.hasSuffix("; see Guides/StaticQuantization.md") == true)
        let cleanup = #expect(throws: WinnowError.self) { try PassStep(named: "unprune", hyperparameters: ["nothing": .number(1)]) }
        #expect(cleanup?.guide == "Cleanup")
        let cancelled = #expect(throws: WinnowError.self) {
            try WinnowError.leading(to: "Data") { throw WinnowError(.cancelled, "run", "was stopped") }
        }
        #expect(cancelled?.guide == nil)
    }

    @Test func everyGuideHasAPass() throws {
        let pages = Set(PassCatalogue.all.map(Self.page))
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { $0.hasSuffix(".md") }
        let others = Set(files).subtracting(pages)
        let subjects: Set = ["README.md", "CLibrary.md", "Compress.md", "Data.md", "Export.md", "RealModels.md", "Reports.md", "Sensitivity.md", "Speed.md"]
        let tasks: Set = ["FromFrameworks.md", "LostAccuracy.md", "NotFaster.md", "OnAPhone.md", "Recipes.md", "WhichMethod.md"]
        #expect(others == subjects.union(tasks), "add a pass, or this page to the list of pages without one")
    }
}
