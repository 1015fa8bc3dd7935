import ArgumentParser
import Winnow

struct FinetuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finetune", abstract: "Trains a model on, with labels or without.",
        discussion: "winnow finetune model.onnx --data images/ --epochs 5 -o trained.onnx")

    @OptionGroup var change: ChangeArguments
    @Option(parsing: .unconditional, help: "Passes over the training data. (default: \(Finetune().epochs))") var epochs: Int?
    @Option(parsing: .unconditional, help: "The learning rate at its highest. (default: \(Finetune().learningRate))") var learningRate: Double?
    @Option(parsing: .unconditional, help: "Samples in one step. (default: \(Finetune().batchSize))") var batchSize: Int?

    func run() throws {
        try change.run("trained") { _, _ in
            let own = change.setting("epochs", epochs) + change.setting("learning-rate", learningRate) + change.setting("batch-size", batchSize)
            return try change.recipe([.init("finetune", settings: own)])
        }
    }
}
