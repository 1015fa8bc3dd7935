import ArgumentParser
import Foundation
import Winnow

/// Runs all contestants in turn on the same tasks and writes what they took.
struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measures ONNX files in every runtime; writes RESULTS.md and JSON.")

    @Option(name: .customLong("inference"), parsing: .upToNextOption, help: "ONNX files to execute.") var inference: [String] = []
    @Option(name: .customLong("training"), parsing: .upToNextOption, help: "ONNX files to train.") var training: [String] = []
    @Option(parsing: .upToNextOption, help: "Training passes whose steps are measured, each by itself.") var passes: [String] = []
    @Option(name: .customLong("quantization"), parsing: .upToNextOption, help: "ONNX files to quantize, on the npz beside each.")
    var quantization: [String] = []
    @Option(help: "An ONNX file to inspect.") var inspection: String?
    @Option(parsing: .upToNextOption, help: "A square matrix product, in float32 and in int8: the machine's peak.") var peaks: [String] = []
    @Option(help: "Batch sizes for inference.") var batches = "1,8,64"
    @Option(help: "The largest batch size for training.") var trainingBatch = 128
    @Option(help: "Batches that take more multiply–accumulates are left out (in inference) or halved (in training).") var largest = 16e9
    @Option(help: "Thread counts.") var threads = "1,2"
    @Option(help: "Rounds.") var rounds = 5
    @Option(help: "Seconds for each contestant in a round.") var seconds = 0.3
    @Flag(help: "Three rounds of a tenth of a second.") var quick = false
    @Option(help: "Python with the peers installed.") var python: String
    @Option(help: "The folder of the peers' programs.") var peers: String
    @Option(help: "The winnow command.") var winnow: String
    @Option(help: "Only these contestants besides winnow, separated by commas.") var only: String?
    @Flag(help: "Write results although others use the cores.") var noisy = false
    @Option(help: "The command that was typed, for the results.") var command = "winnow-bench compare"
    @Option(help: "The Markdown file to write; JSON goes beside it.") var output: String

    func run() throws {
        let notes = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: notes) }
        try requireQuiet(notes)
        let wanted = only.map { Set($0.split(separator: ",").map(String.init)) }
        let candidates = Contestant.all(program: CommandLine.arguments[0], winnow: winnow, python: python, peers: peers)
            .filter { $0.name == Contestant.ours || wanted?.contains($0.name) ?? true }
        let missing = candidates.reduce(into: [String: String]()) { $0[$1.name] = $1.reasonMissing }
        let contestants = candidates.filter { missing[$0.name] == nil }
        let measurement = Measurement(rounds: quick ? 3 : rounds)
        let seconds = quick ? 0.1 : seconds
        var suite = Suite(batches: numbers(batches), trainingBatch: trainingBatch, largest: largest, seconds: seconds)
        for file in inference { try suite.addInference(file) }
        for file in training { try suite.addTraining(file, passes: passes) }
        for file in quantization { try suite.addQuantization(file) }
        var results = Results(
            environment: try environment(), command: command, rounds: measurement.rounds, seconds: seconds, peaks: [], rows: [],
            leftOut: missing.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" } + suite.leftOut)
        results.inspection = try inspection.map(inspect)
        for count in numbers(threads) {
            for work in Task.Work.allCases {
                let tasks = suite.tasks.filter { $0.work == work }
                guard !tasks.isEmpty else { continue }
                let workers = try contestants.filter { $0.work.contains(work) }.map { try Worker($0, threads: count) }
                let before = work == .inference ? try measurement.peaks(peaks, workers[0], threads: count) : []
                for task in tasks {
                    let row = try measurement.row(task, workers, threads: count)
                    say(row.summary)
                    results.rows.append(row)
                }
                let after = work == .inference ? try measurement.peaks(peaks, workers[0], threads: count) : []
                results.peaks += zip(before, after).map { $0.gigaMultiplyAccumulatesPerSecond > $1.gigaMultiplyAccumulatesPerSecond ? $0 : $1 }
                try requireQuiet(notes)
            }
        }
        try write(results)
        say("wrote \(output)")
    }

    /// At once, not when a buffer is full.
    private func say(_ line: String) { FileHandle.standardOutput.write(Data("bench: \(line)\n".utf8)) }

    /// Throws where others used the cores since the last call.
    private func requireQuiet(_ notes: String) throws {
        guard !noisy else { return }
        try Command(python, ["\(peers)/../quiet.py", notes]).run()
    }

    /// The machine, and the versions the peers are pinned to.
    private func environment() throws -> [String: String] {
        var result = Platform.environment.filter { $0.key != "threads" }
        result["cores"] = "\(ProcessInfo.processInfo.activeProcessorCount)"
        let files = try FileManager.default.contentsOfDirectory(atPath: peers).filter { $0.hasPrefix("requirements") }
        // The environment that all peers but one share comes last, and counts.
        for file in files.sorted() {
            for line in try String(contentsOfFile: "\(peers)/\(file)", encoding: .utf8).split(separator: "\n") {
                let parts = line.split(separator: "=", omittingEmptySubsequences: true)
                if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
            }
        }
        return result
    }

    private func inspect(_ file: String) throws -> Results.Inspection {
        let times = try (0..<5).map { _ in try Command(winnow, ["inspect", file]).processorMilliseconds() }.sorted()
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
        return .init(model: modelName(file), byteCount: size ?? 0, processorMilliseconds: times[times.count / 2])
    }

    private func write(_ results: Results) throws {
        try Data(results.markdown.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = URL(fileURLWithPath: output).deletingPathExtension().appendingPathExtension("json")
        try encoder.encode(results).write(to: json, options: .atomic)
    }

    private func numbers(_ list: String) -> [Int] { list.split(separator: ",").compactMap { Int($0) } }
}
