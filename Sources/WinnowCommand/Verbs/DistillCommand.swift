import ArgumentParser
import Winnow

struct DistillCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "distill", abstract: "Trains a small model toward what larger ones say.",
        discussion: """
            winnow distill student.onnx --teacher big.onnx --data images/ --epochs 10 -o student-distilled.onnx

            winnow shrink makes a student of a teacher.
            """)

    @OptionGroup var change: ChangeArguments
    @Option(help: "The teacher's ONNX file. May be given several times.") var teacher: [String]
    @Option(parsing: .unconditional, help: "Passes over the training data.") var epochs = 10
    @Option(parsing: .unconditional, help: "The learning rate at its highest.") var learningRate = 1e-3
    @Option(parsing: .unconditional, help: "What scores are divided by before softmax.") var temperature = 4.0
    @Option(parsing: .unconditional, help: "The teachers' part of the loss.") var alpha = 0.7
    @Option(help: "How scores are compared: kl, decoupled or mse.") var by = "kl"

    func run() throws {
        try change.run("distilled", reading: teacher) { _, _ in
            guard let first = teacher.first else { throw WinnowError(.usage, "--teacher", "is missing", remedy: "give an ONNX file") }
            let distillation = Recipe.Draft(
                "distillation",
                defaults: [
                    "teacher": .string(first), "more-teachers": .list(teacher.dropFirst().map { .string($0) }),
                    "temperature": .number(temperature), "alpha": .number(alpha), "by": .string(by),
                ])
            let own: [String: HyperparameterValue] = ["epochs": .int(epochs), "learning-rate": .number(learningRate)]
            return try change.recipe([.init("finetune", defaults: own, with: [distillation])])
        }
    }
}
