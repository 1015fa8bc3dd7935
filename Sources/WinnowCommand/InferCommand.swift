import ArgumentParser
import Winnow

struct InferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer", abstract: "Runs a model on arrays from a file.",
        discussion: "winnow infer model.onnx --input x.npz -o y.npz")

    @Argument(help: "The ONNX file.") var model: String
    @Option(help: "An npz or safetensors file with one array per model input, or the npy file of the only one.") var input: String
    @Option(name: [.short, .long], help: "The npz or safetensors file to write.") var output: String
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        try OutputName.checkArrays(output)
        var files = FileRoles(reading: [input])
        files.reads(model: model)
        try files.writes(output, for: "--output")
        let model = try Model(reading: model)
        let outputs = try Arrays.write(model.run(Arrays.read(input, for: model)), to: output)
        for line in outputs { print(line) }
    }
}
