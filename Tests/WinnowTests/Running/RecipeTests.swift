import Foundation
import Testing
import WinnowPasses
import WinnowTensor
@testable import Winnow

@Suite struct RecipeTests {
    @Test func readsStepsInOrder() throws {
        let recipe = try Recipe(
            yaml: """
                version: 1
                steps:
                  - fold-batch-norm
                  - magnitude-pruning: { sparsity: 0.5 }
                  - save: pruned
                """)
        #expect(recipe.steps.count == 3)
        #expect(recipe.passes.map { type(of: $0).name } == ["fold-batch-norm", "magnitude-pruning"])
        guard case .save(let file) = recipe.steps[2] else { throw WinnowError(.recipe, "", "is no save step") }
        #expect(file == "pruned.onnx")
    }

    /// Every pass with its defaults survives being written as YAML and read back.
    @Test(arguments: PassCatalogue.all.map { $0.name }) func roundTrips(name: String) throws {
        let step = try PassStep(named: name, hyperparameters: [:])
        let again = try Recipe(yaml: "{ version: 1, steps: [ { \(name): \(step.settings) } ] }")
        guard case .pass(let read)? = again.steps.first else { throw WinnowError(.recipe, name, "is no pass") }
        #expect(read.settings == step.settings)
    }

    @Test(arguments: [
        ("steps: []", "version"), ("{ version: 2, steps: [] }", "newer"), ("{ version: 1 }", "steps"),
        ("{ version: 1, steps: [], colour: red }", "colour"),
        ("{ version: 1, steps: [ no-such-pass ] }", "no-such-pass"),
        ("{ version: 1, steps: [ { magnitude-pruning: { sparsty: 0.5 } } ] }", "sparsty"),
        ("{ version: 1, steps: [ { magnitude-pruning: { sparsity: 7 } } ] }", "sparsity"),
        ("{ version: 1, steps: [ { save: ../away } ] }", "away"), ("{ version: 1, steps: [ { save: 3 } ] }", "save: is 3, not the name of a file"),
        ("{ version: 1, steps: [ { include: [a] } ] }", "not the name of a file"),
        ("{ version: 1, steps: [ { finetune: { with: [ { save: a } ] } } ] }", "save: there is no such pass"),
        ("][", "YAML"), ("just words", "table"),
    ]) func saysWhatIsWrong(text: String, word: String) {
        let error = #expect(throws: WinnowError.self) { try Recipe(yaml: text) }
        #expect(error.map { "\($0)" }?.contains(word) == true)
    }

    /// Files that include each other, each the next one `times` times; the last has no steps.
    private func chain(_ count: Int, times: Int) throws -> Recipe {
        let folder = NSTemporaryDirectory() + "winnow-recipes-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func text(_ next: Int) -> String {
            let lines = next < count ? [String](repeating: "  - include: r\(next).yaml\n", count: times) : []
            return "version: 1\nsteps:\(lines.isEmpty ? " []\n" : "\n")" + lines.joined()
        }
        for place in 0..<count { try text(place + 1).write(toFile: "\(folder)/r\(place).yaml", atomically: true, encoding: .utf8) }
        return try Recipe(yaml: text(0), includesIn: folder)
    }

    @Test func includedFilesAreCounted() throws {
        #expect(try chain(30, times: 1).steps.isEmpty && chain(6, times: 2).steps.isEmpty)
        for (count, times, words) in [(40, 1, "lies in more than 32 others"), (25, 2, "is one of more than 1000 files")] {
            let error = #expect(throws: WinnowError.self) { try chain(count, times: times) }
            #expect(error?.problem.contains(words) == true)
        }
    }

    /// Recipes come through pipes too.
    @Test func anyStreamIsRead() throws {
        let path = NSTemporaryDirectory() + "winnow-pipe-" + UUID().uuidString
        try #require(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        Thread.detachNewThread { FileHandle(forWritingAtPath: path)?.write(Data("version: 1\nsteps: [fold-constants]\n".utf8)) }
        #expect(try Recipe(reading: path).steps.count == 1)
        #expect(throws: WinnowError.self) { try Recipe(reading: NSTemporaryDirectory()) }
    }

    @Test func aByteOrderMarkIsNoText() throws {
        let recipe = try Recipe(yaml: "\u{FEFF}version: 1\r\nsteps: [fold-constants]\r\n")
        #expect(recipe.steps.count == 1)
    }

    /// However long what is wrong is, the sentence is one to read.
    @Test(arguments: [String(repeating: "[", count: 20_000), "{ version: 1, steps: [nothing-like-it] }"]) func complaintsAreShort(text: String) {
        let error = #expect(throws: WinnowError.self) { try Recipe(yaml: text) }
        #expect((error?.description.count ?? 1000) <= 400)
    }
}
