import Foundation
import Testing
import WinnowPasses

/// Every method has its page in Guides/, and the index links it.
struct GuideTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Guides")
    /// Small passes that share one page.
    private static let cleanups: Set<String> = [
        "fold-batch-norm", "fold-constants", "remove-dead-nodes", "remove-identity", "short-names", "fold-masks", "unprune",
    ]

    private static func page(of pass: any Pass.Type) -> String {
        cleanups.contains(pass.name) ? "Cleanup.md" : "\(pass).md"
    }

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

    @Test func everyGuideHasAPass() throws {
        let pages = Set(PassCatalogue.all.map(Self.page))
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { $0.hasSuffix(".md") }
        let others = Set(files).subtracting(pages)
        let subjects: Set = ["README.md", "CLibrary.md", "Compress.md", "Data.md", "Export.md", "RealModels.md", "Reports.md", "Sensitivity.md", "Speed.md"]
        let tasks: Set = ["FromFrameworks.md", "LostAccuracy.md", "NotFaster.md", "OnAPhone.md", "WhichMethod.md"]
        #expect(others == subjects.union(tasks), "add a pass, or this page to the list of pages without one")
    }
}
