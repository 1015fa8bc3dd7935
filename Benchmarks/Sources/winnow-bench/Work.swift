import ArgumentParser
import Foundation
import Winnow

/// Winnow as a worker: reads tasks from standard input, answers on standard output.
struct Work: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Answers tasks: one JSON line in, one out.")

    @Option(help: "Threads to compute with.") var threads = 1

    func run() throws {
        Platform.setThreadCount(threads)
        var timers: [Task: ModelTimer] = [:]
        while let line = readLine() {
            let task = try JSONDecoder().decode(Task.self, from: Data(line.utf8))
            let answer: Answer
            do {
                let timer = try timers[task] ?? ModelTimer(Model(reading: task.model), task.work, batchSize: task.batch)
                timers[task] = timer
                let latency = try timer.measure(seconds: task.seconds)
                answer = Answer(
                    medianMilliseconds: latency.medianMilliseconds, percentile95Milliseconds: latency.percentile95Milliseconds)
            } catch { answer = Answer(error: "\(error)") }
            FileHandle.standardOutput.write(try JSONEncoder().encode(answer) + Data("\n".utf8))
        }
    }
}
