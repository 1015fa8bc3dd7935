import Foundation
public import WinnowEngine
import WinnowGraph
public import WinnowTensor
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

    /// Times a model at each of the batch sizes in `batches`, a comma-separated list (nil: that of `inputs`, else 1); `shapes`
    /// are texts as `image=1x3x224x224` for inputs that leave more open, `inputs` values instead of random ones.
    public static func measure(
        _ model: Model, _ work: ModelTimer.Work = .inference, batches: String? = nil, shapes: [String] = [],
        inputs: [String: Tensor] = [:], seconds: Double, listsSteps: Bool,
        usesBFloat16: Bool = false
    ) throws -> [ModelTiming] {
        let shapes = try InputShapes(parsing: shapes)
        let own = SampleAxes(of: model.graph).count(in: inputs.mapValues(\.shape))
        return try (batches ?? "\(own ?? 1)").split(separator: ",").map { text in
            guard let batch = Int(text), batch > 0 else {
                throw WinnowError(.usage, "--batch", "\(text) is no positive number", remedy: "write for example 1,8,64")
            }
            let timer = try ModelTimer(
                model, work, batchSize: batch, inputShapes: shapes, values: inputs, usesBFloat16: usesBFloat16)
            return ModelTiming(
                file: model.path ?? model.graph.name, work: work, latency: try timer.measure(seconds: seconds),
                steps: listsSteps ? try timer.steps(seconds: seconds) : [])
        }
    }
}
