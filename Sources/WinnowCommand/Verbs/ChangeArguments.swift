import ArgumentParser
import Foundation
import Winnow

/// What a verb takes that makes one model of another.
struct ChangeArguments: ParsableArguments {
    @Argument(help: "The ONNX file to read.") var input: String
    @Option(name: [.short, .long], help: "The ONNX file to write; default: the input's name with what was done behind it.")
    var output: String?
    @Option(name: .customLong("set"), help: "A further hyperparameter of a pass that is run: KEY=VALUE or PASS.KEY=VALUE. May be given several times.")
    var settings: [String] = []
    @OptionGroup var recipe: RecipeArguments

    /// A hyperparameter that has an option of its own, where that was given.
    func setting(_ key: String, _ value: (some CustomStringConvertible)?) -> [String] { value.map { ["\(key)=\($0)"] } ?? [] }

    /// Passes one after the other with all that `--set` says of them; with `epochs` other than 0 the model is trained on afterwards.
    func recipe(_ drafts: [Recipe.Draft], epochs: Int = 0) throws -> Recipe {
        let training = epochs == 0 ? [] : [Recipe.Draft("finetune", settings: ["epochs=\(epochs)"])]
        return try Recipe(drafts + training, settings: settings)
    }

    /// Applies the recipe that is right for the model and the data, without what an exporter noted, under the input's name with `suffix` where no other is given.
    func run(_ suffix: String, reading sources: [String] = [], _ recipe: (_ model: Model, _ data: DataSplits?) throws -> Recipe) throws {
        try self.recipe.work.compute.apply()
        let model = try Model(reading: input)
        let name = URL(fileURLWithPath: input).deletingPathExtension().path
        let output = output ?? OutputName.companion(of: name, suffix: "-\(suffix).onnx")
        try self.recipe.run(on: model, to: output, reading: sources) { try recipe(model, $0).tidying(model) }
        if !self.recipe.work.isQuiet { print("written: \(output)") }
    }
}
