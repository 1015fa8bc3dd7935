import Foundation
import Testing
import WinnowGraph
import WinnowOperators
import WinnowTestSupport

/// Catalogue, folder and samples tell of the same operators.
@Suite struct CatalogueLaws {
    @Test func everyOperatorInTheFolderIsInTheCatalogue() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/WinnowOperators")
            .resolvingSymlinksInPath()
        let files = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        var declared: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            guard text.contains("package static let type = OperatorType(") else { continue }
            let match = try #require(text.firstMatch(of: /package struct (\w+):/), "\(file.lastPathComponent)")
            declared.insert(String(match.1))
        }
        let listed = OperatorCatalogue.all.map { "\($0)" }
        #expect(declared == Set(listed))
        #expect(listed == listed.sorted())
    }

    @Test func namesAreUnique() {
        #expect(Set(OperatorCatalogue.all.map { $0.type }).count == OperatorCatalogue.all.count)
    }

    @Test(arguments: OperatorCatalogue.all.map { "\($0)" }) func everyOperatorHasSamples(_ name: String) {
        #expect(OperatorSamples.all.contains { "\(type(of: $0.op))" == name })
    }
}
