import WinnowGraph
import Foundation
public import WinnowEngine
import WinnowTensor

/// How long a model takes at one batch size.
public struct ModelTiming: Codable, Sendable {
    public var file: String
    public var latency: Latency
    /// The steps of the plan, where they were asked for.
    public var steps: [String]

    public var text: String {
        let median = String(format: "%.4f", latency.medianMilliseconds)
        let tail = String(format: "%.4f", latency.percentile95Milliseconds)
        let rate = String(format: "%.0f", 1000 * Double(latency.batchSize) / latency.medianMilliseconds)
        return "\(file) batch \(latency.batchSize): median \(median) ms, p95 \(tail) ms, \(rate) samples/s (\(latency.runCount) runs)"
    }

    /// Times a model at each of the batch sizes in `batches`, a comma-separated list.
    public static func measure(_ model: Model, batches: String, seconds: Double, listsSteps: Bool) throws -> [ModelTiming] {
        try batches.split(separator: ",").map { text in
            guard let batch = Int(text), batch > 0 else {
                throw WinnowError(.usage, "--batch", "\(text) is no positive number", remedy: "write for example 1,8,64")
            }
            let plan = try Session(model.graph).plan(for: model.graph.sampleShapes(batchSize: batch))
            return ModelTiming(
                file: model.path ?? model.graph.name,
                latency: try Latency.measure(model.graph, batchSize: batch, seconds: seconds),
                steps: listsSteps ? plan.steps.map { "\($0.nodeName)  \($0.operatorType)  \($0.outputShape)  \($0.layout)" } : [])
        }
    }
}
