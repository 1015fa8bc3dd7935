import ArgumentParser
import Winnow

struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Sets weights to zero, or takes channels out.",
        discussion: """
            winnow prune model.onnx --channels --sparsity 0.5 --data images/ --epochs 3 -o small.onnx

            Zeros make the zip of a file smaller; channels that are gone make the file smaller and the network faster everywhere.
            """)

    @OptionGroup var change: ChangeArguments
    @Option(parsing: .unconditional, help: "The fraction that goes. (default: \(MagnitudePruning().sparsity))") var sparsity: Double?
    @Flag(help: "Take whole channels out instead of single weights.") var channels = false
    @Option(help: "What tells how much a weight or channel matters; winnow passes lists them.") var importance: String?
    @Option(parsing: .unconditional, help: "Epochs to train on afterwards; needs --data.") var epochs = 0

    func run() throws {
        try change.run("pruned") { _, _ in
            let settings = change.setting("sparsity", sparsity) + change.setting("importance", importance)
            return try change.recipe([.init(channels ? "structured-pruning" : "magnitude-pruning", settings: settings)], epochs: epochs)
        }
    }
}
