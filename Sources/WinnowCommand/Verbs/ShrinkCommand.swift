import ArgumentParser
import Winnow

struct ShrinkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shrink", abstract: "Makes a narrower or shallower copy of a model.",
        discussion: """
            winnow shrink teacher.onnx --width 0.5 --depth 0.75 --data images/ -o student.onnx
            winnow distill student.onnx --teacher teacher.onnx --data images/ -o trained.onnx
            """)

    @OptionGroup var change: ChangeArguments
    @Option(parsing: .unconditional, help: "The fraction of the channels of every layer that stays.") var width = 0.5
    @Option(parsing: .unconditional, help: "The fraction of the residual blocks that stays; below 1 it needs --data.") var depth = 1.0

    func run() throws {
        for (name, value) in [("--width", width), ("--depth", depth)] where !(value > 0 && value <= 1) {
            throw WinnowError(.usage, name, "is \(value)", remedy: "give more than 0 and at most 1")
        }
        guard width < 1 || depth < 1 else {
            throw WinnowError(.usage, "--width", "and --depth leave the model as it is", remedy: "give one of them below 1")
        }
        try change.run("student") { model, _ in
            let blocks = model.residualBlockCount
            let gone = blocks - Int((Double(blocks) * depth).rounded(.up))
            if depth < 1, gone == 0 {
                throw WinnowError(.usage, "--depth", "takes none of the model's \(blocks) residual blocks", remedy: "lower it, or leave it out")
            }
            return try change.recipe(
                (gone > 0 ? [.init("block-removal", settings: ["blocks=\(gone)"])] : [])
                    + (width < 1 ? [.init("structured-pruning", settings: ["sparsity=\(1 - width)"])] : []))
        }
    }
}
