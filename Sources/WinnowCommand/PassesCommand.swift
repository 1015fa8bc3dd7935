import ArgumentParser
import Foundation
import Winnow

struct PassesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passes", abstract: "Lists the passes, or explains one.",
        discussion: """
            winnow passes magnitude-pruning
            winnow passes --schema > recipe.schema.json
            """)

    @Argument(help: "A pass to explain.") var name: String?
    @Flag(help: "JSON instead of text.") var json = false
    @Flag(help: "Print the JSON Schema of recipes, for editors.") var schema = false

    func run() throws {
        if schema { print(String(decoding: try RecipeSchema.json(), as: UTF8.self)); return }
        let passes = try PassDescription.all(named: name)
        if json { try printJSON(passes); return }
        guard name != nil else {
            let width = passes.map(\.name.count).max() ?? 0
            for pass in passes { print("\(pass.name.padding(toLength: width, withPad: " ", startingAt: 0))  \(pass.summary)") }
            print("\nwinnow passes NAME explains one.")
            return
        }
        for pass in passes {
            print("\(pass.name): \(pass.summary)\n\n\(pass.guide)\n\nneeds: \(pass.needs)\n")
            for parameter in pass.hyperparameters {
                print("  \(parameter.name) = \(parameter.value)   \(parameter.kind)\(parameter.range.map { ", \($0)" } ?? "")")
                print("      \(parameter.help)")
            }
        }
    }
}
