import ArgumentParser
import Foundation
import Winnow

/// How models are read.
struct ReadingArguments: ParsableArguments {
    @Flag(help: ArgumentHelp("Follow links to external data outside the model's folder, as caches of model hubs have them.", visibility: .hidden))
    var allowLinks = false

    func apply() { Model.followsLinks = allowLinks }
}

/// Options that every computing command takes.
struct ComputeArguments: ParsableArguments {
    @OptionGroup var reading: ReadingArguments
    @Option(parsing: .unconditional, help: "Threads to compute with; 0: one per core.") var threads = 0
    @Option(help: ArgumentHelp(
        "The most memory that one tensor, plan or archive may take; default: three quarters of what there is.", valueName: "8G", visibility: .hidden))
    var memory: String?

    func apply() throws {
        reading.apply()
        guard (0...Platform.threadLimit).contains(threads) else {
            throw WinnowError(
                .usage, "--threads", "is \(threads)", remedy: "give 1 to \(Platform.threadLimit), or 0 for one per core")
        }
        Platform.setThreadCount(threads)
        if let memory { MemoryBudget.byteCount = try Self.byteCount(memory) }
    }

    /// A number of bytes, or of kilo-, mega- or gigabytes with K, M or G behind.
    private static func byteCount(_ text: String) throws -> Int {
        let powers: [Character: Int] = ["K": 10, "M": 20, "G": 30]
        let power = text.last.flatMap { powers[$0] }
        let number = Int(power == nil ? text : String(text.dropLast()))
        guard let number, number > 0, number < 1 << 30 else {
            throw WinnowError(.usage, "--memory", "\(text) is no number of bytes", remedy: "write for example 500M or 8G")
        }
        return number << (power ?? 0)
    }
}

/// How exactly float32 is multiplied.
struct MathArguments: ParsableArguments {
    @Flag(help: "Multiply float32 in bfloat16 where the processor gains from it: faster, with 8 bits of mantissa.") var bfloat16 = false
    @Flag(help: "Sum every product as it is written, even where fewer would do.") var exact = false

    /// Throws `.usage` where both are given.
    var arithmetic: Arithmetic {
        get throws {
            guard !(bfloat16 && exact) else { throw WinnowError(.usage, "--exact", "and --bfloat16 exclude each other", remedy: "give one of them") }
            return bfloat16 ? .bfloat16 : exact ? .exact : .fast
        }
    }
}

/// Where a model is written.
struct OutputArguments: ParsableArguments {
    @Option(name: [.short, .long], help: "The ONNX file to write.") var output: String

    /// Throws if the name promises another format, or is that of a file which is read; only `model` may be replaced.
    func check(reading sources: [String?] = [], replacing model: String? = nil) throws {
        try OutputName.checkModel(output)
        var files = FileRoles(reading: sources.compactMap { $0 })
        if let model { files.reads(model: model) }
        try files.writes(output, for: "--output", replacing: model)
    }
}

/// Data read from disk.
struct DataArguments: ParsableArguments {
    @Option(help: "Data: a folder of images, sounds, texts or arrays, a list of files, npz, npy, safetensors, CSV, IDX, or fashion-mnist.") var data: String?
    @Option(help: ArgumentHelp(
        "What is done to images: imagenet, zero-to-one, minus-one-to-one or a YAML file; models remember it.", valueName: "imagenet"))
    var preparation: String?
    @Flag(help: "Leave out files that cannot be read.") var skipBad = false
    @Option(help: ArgumentHelp("How image arrays lie: nchw, as most models take them, or nhwc, which is turned.", visibility: .hidden))
    var layout = "nchw"

    /// The data, said in words unless `quietly`; pictures have the size of `shapes`.
    func load(for graph: Graph, shapes: [String] = [], quietly: Bool = false) throws -> DataSplits? {
        guard let data else { return nil }
        let splits = try WinnowError.leading(to: "Data") {
            try DataSplits(
                reading: data, for: graph, layout: .named(layout), shapes: shapes, preparation: preparation, skippingBad: skipBad
            ).fitting(graph)
        }
        if !quietly { for note in splits.notes { print(note) } }
        return splits
    }

    func required(for graph: Graph, shapes: [String] = [], quietly: Bool = false) throws -> (splits: DataSplits, source: String) {
        guard let data, let splits = try load(for: graph, shapes: shapes, quietly: quietly) else {
            var error = WinnowError(.usage, "--data", "is missing", remedy: "give a file, a folder or fashion-mnist")
            error.guide = "Data"
            throw error
        }
        return (splits, data)
    }
}

/// How much is said.
struct VerbosityArguments: ParsableArguments {
    @Flag(help: "Say everything, however much it is.") var verbose = false
    @Flag(help: Self.quietly) var quiet = false

    static let quietly: ArgumentHelp = "Print errors alone, and what --json asks for."

    func validate() throws {
        if verbose, quiet { throw ValidationError("--verbose and --quiet exclude each other") }
    }
}

/// Shapes of inputs that leave extents open.
struct ShapeArguments: ParsableArguments {
    @Option(help: ArgumentHelp(
        "The shape of an input that leaves extents open. May be given several times.", valueName: "NAME=1x3x224x224"))
    var shape: [String] = []

    /// Measuring with these shapes until an interruption.
    var measuring: MeasuringOptions {
        var options = MeasuringOptions()
        (options.shapes, options.cancellation) = (shape, Interruption.cancellation)
        return options
    }
}

/// Prints a value as JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
    print(String(decoding: try JSONEncoder.forOutput(.prettyPrinted).encode(value), as: UTF8.self))
}

extension JSONEncoder {
    /// Keys sorted, numbers that are not finite as words.
    static func forOutput(_ formatting: OutputFormatting = []) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }
}
