import ArgumentParser
import Winnow

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Applies a recipe, and reports what came of it.",
        discussion: """
            winnow run recipe.yaml model.onnx -o small.onnx --data images/ --report report.html

            Finished steps and checkpoints are kept beside the output until the run ends: after a stop, the same command goes \
            on where it was and gives the same bytes.
            """)

    @Argument(help: "The recipe, a YAML file.") var recipe: String
    @Argument(help: "The ONNX file to read.") var input: String
    @OptionGroup var output: OutputArguments
    @Option(help: "The report's title and the network's name; default: the graph's name.") var name: String?
    @Option(name: .customLong("set"), help: "A value in place of the recipe's: steps[0].sparsity=0.4. May be given several times.")
    var settings: [String] = []
    @OptionGroup var arguments: RecipeArguments

    func run() throws {
        try arguments.work.compute.apply()
        let recipe = try Recipe(reading: recipe, settings: settings)
        try arguments.run(on: Model(reading: input), to: output.output, reading: [self.recipe], called: name) { _ in recipe }
    }
}
