import Foundation
public import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTraining

/// How long a model takes at one batch size.
public struct ModelTiming: Codable, Sendable {
    public var file: String
    public var work: ModelTimer.Work
    public var latency: Latency
    /// The steps of the plan, where they were asked for.
    public var steps: [PlanStepTiming]

    public var text: String {
        let median = String(format: "%.4f", latency.medianMilliseconds)
        let tail = String(format: "%.4f", latency.percentile95Milliseconds)
        let rate = String(format: "%.0f", 1000 * Double(latency.batchSize) / latency.medianMilliseconds)
        let (what, runs) = work == .training ? (" training step", "steps") : ("", "runs")
        return "\(file)\(what) batch \(latency.batchSize): median \(median) ms, p95 \(tail) ms, \(rate) samples/s "
            + "(\(latency.runCount) \(runs))"
    }

    /// Times a model at each of the batch sizes in `batches`, a comma-separated list (nil: that of the values given for inputs,
    /// else 1), for so many seconds each.
    public static func measure(
        _ model: Model, _ work: ModelTimer.Work = .inference, batches: String? = nil, seconds: Double = 1,
        listsSteps: Bool = false, options: ModelTimer.Options = ModelTimer.Options()
    ) throws -> [ModelTiming] {
        guard seconds >= 0, seconds <= 1e6 else {
            throw WinnowError(.usage, "--seconds", "is \(seconds)", remedy: "give a number from 0 to 1000000")
        }
        let own = SampleAxes(of: model.graph).count(in: options.values.mapValues(\.shape))
        if own == 0 { throw WinnowError(.data, "the input", "has no samples") }
        if let own, let batches, batches != "\(own)" {
            throw WinnowError(.usage, "--batch", "is \(batches), but the input has \(own) samples", remedy: "leave one of them out")
        }
        return try (batches ?? "\(own ?? 1)").split(separator: ",").map { text in
            guard let batch = Int(text), batch > 0 else {
                throw WinnowError(.usage, "--batch", "\(text) is no positive number", remedy: "write for example 1,8,64")
            }
            let timer = try ModelTimer(model, work, batchSize: batch, options: options)
            guard batches == nil || timer.batchSize == batch else {
                let words = timer.batchSize == 1 ? "1 sample" : "\(timer.batchSize) samples"
                throw WinnowError(
                    .usage, "--batch", "is \(batch), but \(model.path ?? model.graph.name) fixes its inputs to \(words)",
                    remedy: "leave --batch out, or give \(timer.batchSize)")
            }
            return ModelTiming(
                file: model.path ?? model.graph.name, work: work, latency: try timer.measure(seconds: seconds),
                steps: listsSteps ? try timer.steps(seconds: seconds) : [])
        }
    }
}

extension ModelTimer.Options {
    /// With shapes as the command line gives them, `image=1x3x224x224`. Throws `.usage` for what is none.
    public init(shapes texts: [String]) throws {
        self.init()
        shapes = Dictionary(try InputShapes.shapes(parsing: texts).map { ($0.0, $0.shape.extents) }, uniquingKeysWith: { $1 })
    }
}

extension ModelTiming: CustomStringConvertible {
    public var description: String { text }
}
