import Foundation
import Testing
import WinnowTensor
@testable import Winnow

/// Recipes that the guides print can be read as they stand; lists of steps alone, as the steps of one.
@Suite struct PrintedRecipeTests {
    /// A block of a page between lines of three backticks.
    struct Block: CustomTestStringConvertible, Sendable {
        var page: String
        var text: String
        var testDescription: String { "\(page): \(text.prefix(60))" }
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The recipes of README and all guides.
    static let blocks: [Block] = {
        let guides = root.appendingPathComponent("Guides")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: guides.path)) ?? []
        let pages = names.sorted().filter { $0.hasSuffix(".md") }.map { guides.appendingPathComponent($0) } + [root.appendingPathComponent("README.md")]
        return pages.flatMap { page -> [Block] in
            let parts = ((try? String(contentsOf: page, encoding: .utf8)) ?? "").components(separatedBy: "```yaml\n").dropFirst()
            return parts.compactMap { part -> Block? in
                let text = part.components(separatedBy: "```")[0]
                // An included file is not there.
                guard ["steps:", "version:", "- "].contains(where: { text.hasPrefix($0) }), !text.contains("include:") else { return nil }
                return Block(page: page.lastPathComponent, text: text.hasPrefix("- ") ? "version: 1\nsteps:\n\(text)" : text)
            }
        }
    }()

    @Test func pagesPrintRecipes() { #expect(Self.blocks.count > 30, "\(Self.blocks.count)") }

    @Test(arguments: blocks) func theyAreRecipes(block: Block) throws {
        #expect(try !Recipe(yaml: block.text).steps.isEmpty)
    }
}
