import ArgumentParser
import Winnow

struct FactorizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "factorize", abstract: "Splits layers into two of lower rank.",
        discussion: "winnow factorize model.onnx --energy 0.8 --data images/ --epochs 3 -o factors.onnx")

    @OptionGroup var change: ChangeArguments
    @Option(parsing: .unconditional, help: "The part of each weight's squared singular values that stays. (default: 0.9)") var energy: Double?
    @Option(parsing: .unconditional, help: "Epochs to train on afterwards; needs --data.") var epochs = 0

    func run() throws {
        try change.run("factorized") { _, _ in
            try change.recipe([.init("svd-factorization", settings: change.setting("energy", energy))], epochs: epochs)
        }
    }
}
