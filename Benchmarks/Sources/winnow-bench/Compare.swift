import ArgumentParser
import Foundation
import Winnow

/// Runs all contestants in turn on the same tasks and writes what they took.
struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measures ONNX files in every runtime; writes RESULTS.md and JSON.")

    @Option(name: .customLong("inference"), parsing: .upToNextOption, help: "ONNX files to execute.") var inference: [String] = []
    @Option(name: .customLong("training"), parsing: .upToNextOption, help: "ONNX files to train.") var training: [String] = []
    @Option(help: "Batch sizes for inference.") var batches = "1,8,64"
    @Option(help: "Batch size for training.") var trainingBatch = 128
    @Option(help: "Thread counts.") var threads = "1,2"
    @Option(help: "Rounds.") var rounds = 5
    @Option(help: "Seconds for each contestant in a round.") var seconds = 0.3
    @Option(help: "Python with the peers installed.") var python: String
    @Option(help: "The folder of the peers' programs.") var peers: String
    @Option(help: "Only these contestants besides winnow.") var only: String?
    @Option(help: "The Markdown file to write; JSON goes beside it.") var output: String

    func run() throws {
        let wanted = only.map { Set($0.split(separator: ",").map(String.init)) }
        let contestants = Contestant.all(program: CommandLine.arguments[0], python: python, peers: peers)
            .filter { $0.name == "winnow" || wanted?.contains($0.name) ?? true }
        var rows: [Row] = []
        for count in numbers(threads) {
            for contestantsOfWork in [ModelTimer.Work.inference, .training] {
                let tasks = tasks(contestantsOfWork)
                guard !tasks.isEmpty else { continue }
                rows += try measure(
                    tasks, contestants.filter { $0.work.contains(contestantsOfWork) }, threads: count)
            }
        }
        let results = Results(
            environment: try environment(), command: "make bench", rounds: rounds, seconds: seconds, rows: rows)
        try Data(results.markdown.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let json = URL(fileURLWithPath: output).deletingPathExtension().appendingPathExtension("json")
        try encoder.encode(results).write(to: json, options: .atomic)
        print("bench: wrote \(output)")
    }

    /// The machine, and the versions the peers are pinned to.
    private func environment() throws -> [String: String] {
        var result = Platform.environment.filter { $0.key != "threads" }
        result["cores"] = "\(ProcessInfo.processInfo.activeProcessorCount)"
        for line in try String(contentsOfFile: "\(peers)/requirements.txt", encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: "=", omittingEmptySubsequences: true)
            if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
        }
        return result
    }

    private func numbers(_ list: String) -> [Int] { list.split(separator: ",").compactMap { Int($0) } }

    private func tasks(_ work: ModelTimer.Work) -> [Task] {
        let files = work == .inference ? inference : training
        let batches = work == .inference ? numbers(batches) : [trainingBatch]
        return files.flatMap { file in batches.map { Task(work: work, model: file, batch: $0, seconds: seconds) } }
    }

    private func measure(_ tasks: [Task], _ contestants: [Contestant], threads: Int) throws -> [Row] {
        let workers = try contestants.map { try Worker($0.command + ["--threads", "\(threads)"]) }
        return try tasks.map { task in
            var answers = [[Answer]](repeating: [], count: contestants.count)
            for _ in 0..<rounds {
                for (index, worker) in workers.enumerated() where answers[index].first?.error == nil {
                    answers[index].append(try worker.answer(task))
                }
            }
            let row = Row(
                model: URL(fileURLWithPath: task.model).deletingPathExtension().lastPathComponent, work: task.work,
                batch: task.batch, threads: threads,
                times: zip(contestants, answers).map { contestant, answers in
                    Row.Time(
                        contestant: contestant.name, medianMilliseconds: median(answers.compactMap(\.medianMilliseconds)),
                        percentile95Milliseconds: median(answers.compactMap(\.percentile95Milliseconds)),
                        error: answers.compactMap(\.error).first)
                })
            let times = row.times.map { "\($0.contestant) \($0.medianMilliseconds.map { String(format: "%.4f", $0) } ?? "–")" }
            print("bench: \(row.model) \(row.work.rawValue) batch \(row.batch) threads \(threads): \(times.joined(separator: ", "))")
            return row
        }
    }

    private func median(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.sorted()[values.count / 2] }
}
