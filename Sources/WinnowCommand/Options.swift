import ArgumentParser
import Foundation
import Winnow

/// Options that every computing command takes.
struct ComputeArguments: ParsableArguments {
    @Option(help: "Threads to compute with; 0: one per core.") var threads = 0

    func apply() throws {
        guard threads >= 0 else { throw WinnowError(.usage, "--threads", "is negative", remedy: "give 1 or more, or 0 for one per core") }
        Platform.setThreadCount(threads)
    }
}

/// How exactly float32 is multiplied.
struct MathArguments: ParsableArguments {
    @Flag(help: "Multiply float32 in bfloat16 where the processor gains from it: faster, with 8 bits of mantissa.") var bfloat16 = false
}

/// Where a model is written.
struct OutputArguments: ParsableArguments {
    @Option(name: [.short, .long], help: "The ONNX file to write.") var output: String
}

/// Data read from disk.
struct DataArguments: ParsableArguments {
    @Option(help: "Data: npz, npy, safetensors, CSV or IDX, a folder of these or of images by class, or fashion-mnist.") var data: String?

    func load() throws -> DataSplits? { try data.map { try DataSplits(reading: $0) } }

    func required() throws -> (splits: DataSplits, source: String) {
        guard let data else { throw WinnowError(.usage, "--data", "is missing", remedy: "give a file, a folder or fashion-mnist") }
        return (try DataSplits(reading: data), data)
    }
}

/// Prints a value as JSON with sorted keys.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
