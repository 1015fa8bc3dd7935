import Foundation
import Winnow

/// Puts tasks to workers in turn, A B A B …, so that a slow minute of the machine hits all alike.
struct Measurement {
    var rounds: Int

    func row(_ task: Task, _ workers: [Worker], threads: Int) throws -> Row {
        // A pass is ours alone.
        let workers = task.passes.isEmpty ? workers : workers.filter { $0.contestant.name == Contestant.ours }
        var answers = [[Answer]](repeating: [], count: workers.count)
        for _ in 0..<(task.work == .quantization ? 1 : rounds) {
            for (index, worker) in workers.enumerated() where answers[index].first?.error == nil {
                answers[index].append(try worker.answer(task))
            }
        }
        var row = Row(
            model: modelName(task.model), work: task.work, batch: task.batch, threads: threads, passes: task.passes,
            times: zip(workers, answers).map { worker, answers in
                Row.Time(
                    contestant: worker.contestant.name, medianMilliseconds: median(answers.compactMap(\.medianMilliseconds)),
                    percentile95Milliseconds: median(answers.compactMap(\.percentile95Milliseconds)),
                    coldMilliseconds: median(answers.compactMap(\.coldMilliseconds)),
                    error: answers.compactMap(\.error).first)
            }, forwardMultiplyAccumulates: task.multiplyAccumulates)
        guard task.work != .quantization, row[Contestant.ours]?.error == nil else { return row }
        let plan = try steps(of: task, workers[0])
        row.steps = plan.steps?.filter { $0.multiplyAccumulates != nil || $0.share >= 0.01 } ?? []
        row.stepsMilliseconds = plan.steps?.reduce(0) { $0 + $1.medianMilliseconds }
        row.plannedByteCount = plan.plannedByteCount
        row.multiplyAccumulates = plan.multiplyAccumulates
        return row
    }

    /// The machine's peaks, probed by these products in float32 and int8.
    func peaks(_ files: [String], _ worker: Worker, threads: Int) throws -> [Peak] {
        try zip([Row.Precision.float32, .int8], files).compactMap { precision, file in
            let plan = try steps(of: Task(work: .inference, model: file, batch: 1024, seconds: 0.3), worker)
            let rate = plan.steps?.compactMap(\.gigaMultiplyAccumulatesPerSecond).max()
            return rate.map { Peak(threads: threads, precision: precision, gigaMultiplyAccumulatesPerSecond: $0) }
        }
    }

    private func steps(of task: Task, _ worker: Worker) throws -> Answer {
        var task = task
        task.listsSteps = true
        return try worker.answer(task)
    }

    private func median(_ values: [Double]) -> Double? { values.isEmpty ? nil : values.sorted()[values.count / 2] }
}

extension Row {
    /// One line for who waits.
    var summary: String {
        let list = times.map { "\($0.contestant) \($0.medianMilliseconds.map { String(format: "%.4f", $0) } ?? "–")" }
        return "\(work.rawValue) \(label) \(passes.joined(separator: " ")): \(list.joined(separator: ", "))"
    }
}
