import ArgumentParser
import Winnow

struct InferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer", abstract: "Runs a model on arrays or other data.",
        discussion: """
            winnow infer model.onnx --input x.npz -o y.npz
            winnow infer model.onnx --data images/ -o scores.npz

            The members of an output s that is a list are written as s.0, s.1 and so on.
            """)

    @Argument(help: "The ONNX file.") var model: String
    @Option(help: "An npz or safetensors file with one array per model input, or the npy file of the only one.") var input: String?
    @OptionGroup var data: DataArguments
    @Option(name: [.short, .long], help: "The npz or safetensors file to write.") var output: String
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var compute: ComputeArguments

    private struct Output: Encodable {
        let name: String
        let shape: [Int]
    }

    func run() throws {
        try compute.apply()
        guard (input == nil) != (data.data == nil) else {
            throw WinnowError(.usage, "--input", input == nil ? "is missing" : "and --data exclude each other", remedy: "give --input x.npz, or --data for samples in other forms")
        }
        try OutputName.checkArrays(output)
        var files = FileRoles(reading: [input, data.data].compactMap { $0 })
        files.reads(model: model)
        try files.writes(output, for: "--output")
        let model = try Model(reading: model)
        let outputs = try self.outputs(of: model)
        let lines = try Arrays.write(outputs, to: output)
        if json { return try printJSON(outputs.sorted { $0.key < $1.key }.map { Output(name: $0.key, shape: Array($0.value.shape)) }) }
        for line in lines { print(line) }
        if let omitted = model.omittedOutputs { print(omitted) }
    }

    private func outputs(of model: Model) throws -> [String: Tensor] {
        if let input { return try model.run(Arrays.read(input, for: model)) }
        // Samples without named splits run all together: how they would be split is not told.
        let (splits, source) = try data.required(for: model.graph, shapes: shapes.shape, quietly: true)
        if !json, let read = splits.notes.first { print(read) }
        if let whole = splits.whole { return try model.run(on: whole) }
        let test = try splits.required(.test, of: source)
        if !json { print("\(source): its test samples run") }
        return try model.run(on: test)
    }
}
