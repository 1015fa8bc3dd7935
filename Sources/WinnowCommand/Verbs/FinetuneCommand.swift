import ArgumentParser
import Winnow

struct FinetuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finetune", abstract: "Trains a model on, with labels or without.",
        discussion: "winnow finetune model.onnx --data images/ --epochs 5 -o trained.onnx")

    @OptionGroup var change: ChangeArguments
    @Option(help: "Passes over the training data.") var epochs = 5
    @Option(help: "The learning rate at its highest.") var learningRate = 1e-3
    @Option(help: "Samples in one step.") var batchSize = 128

    func run() throws {
        try change.run("trained") { _, _ in
            try Recipe(
                pass: "finetune",
                settings: ["epochs=\(epochs)", "learning-rate=\(learningRate)", "batch-size=\(batchSize)"] + change.settings)
        }
    }
}
