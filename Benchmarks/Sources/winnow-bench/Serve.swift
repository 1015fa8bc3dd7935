import ArgumentParser
import Foundation
import Winnow

/// Winnow as a worker: reads tasks from standard input, answers on standard output.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Answers tasks: one JSON line in, one out.")

    @Option(help: "Threads to compute with.") var threads = 1
    @Flag(name: .customLong("bfloat16"), help: "Multiply float32 in bfloat16.") var usesBFloat16 = false
    @Option(help: "The winnow command, which quantizes.") var winnow = "winnow"

    func run() throws {
        Platform.setThreadCount(threads)
        // Rounds repeat a task; only the present one is kept ready.
        var ready: (model: String, work: Task.Work, batch: Int, passes: [String], timer: ModelTimer)?
        while let line = readLine() {
            let task = try JSONDecoder().decode(Task.self, from: Data(line.utf8))
            let answer: Answer
            do {
                if task.work == .quantization {
                    answer = try quantize(task)
                } else {
                    if ready.map({ ($0.model, $0.work, $0.batch) != (task.model, task.work, task.batch) || $0.passes != task.passes }) ?? true {
                        ready = nil
                        ready = (task.model, task.work, task.batch, task.passes, try timer(task))
                    }
                    guard let timer = ready?.timer else { continue }
                    answer = try measure(task, timer)
                }
            } catch { answer = Answer(error: "\(error)") }
            FileHandle.standardOutput.write(try JSONEncoder().encode(answer) + Data("\n".utf8))
        }
    }

    private func timer(_ task: Task) throws -> ModelTimer {
        var options = ModelTimer.Options()
        (options.passes, options.arithmetic) = (task.passes, usesBFloat16 ? .bfloat16 : .fast)
        return try ModelTimer(
            Model(reading: task.model), task.work == .training ? .training : .inference, batchSize: task.batch, options: options)
    }

    private func measure(_ task: Task, _ timer: ModelTimer) throws -> Answer {
        if task.listsSteps {
            return Answer(
                steps: try timer.steps(seconds: task.seconds), plannedByteCount: try timer.plannedByteCount,
                multiplyAccumulates: timer.totalMultiplyAccumulates)
        }
        let latency = try timer.measure(seconds: task.seconds)
        return Answer(
            medianMilliseconds: latency.medianMilliseconds, percentile95Milliseconds: latency.percentile95Milliseconds,
            coldMilliseconds: task.coldRuns > 0 ? try timer.measureCold(runCount: task.coldRuns)?.medianMilliseconds : nil)
    }

    /// The command as a user runs it, from its start to its end.
    private func quantize(_ task: Task) throws -> Answer {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: output) }
        let time = try ContinuousClock().measure {
            try Command(winnow, ["apply", "static-quantization", task.model, "-o", output, "--data", task.data ?? "", "--threads", "\(threads)"])
                .run()
        }
        return Answer(medianMilliseconds: time / .milliseconds(1))
    }
}
