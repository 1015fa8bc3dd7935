import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Ranges of activations over calibration data: one streaming run for all of them, in constant memory.
package struct Calibration: Sendable {
    package var method = RangeMethod.minMax
    /// The part of the values kept by the percentile method, in percent.
    package var percentile = 99.99
    /// At most so many samples are run, drawn over all classes and places of the data.
    package var sampleCount = 512
    /// Small: every value of a batch is kept until it has been observed, in caches if it fits.
    package var batchSize = 8

    package init() {}

    /// The range of every float32 value listed; values never seen are left out.
    /// Throws `.numeric` naming a value that became infinite or NaN.
    package func ranges(of values: [ValueName], in graph: Graph, context: PassContext) throws -> [ValueName:
        ClosedRange<Float>]
    {
        let data = try context.calibrationData(for: graph)
        let inputs = Set(graph.inputNames)
        var observers = Dictionary(values.map { ($0, RangeObserver(method)) }, uniquingKeysWith: { first, _ in first })
        var edit = GraphEdit()
        edit.outputs = values.filter { !inputs.contains($0) }
        let session = try Session(graph.applying(edit), observed: Set(edit.outputs ?? []))
        let samples = data.drawn(sampleCount, seed: context.seed)
        var done = 0
        for batch in samples.batches(of: batchSize, for: graph) {
            try context.cancellation?.check("calibration")
            let plan = try session.plan(for: batch, of: samples)
            for value in values where inputs.contains(value) {
                plan.withInput(value) { observers[value]?.observe(UnsafeRawBufferPointer($0).bindMemory(to: Float.self)) }
            }
            try plan.execute { observers[$0]?.observe($1.bindMemory(to: Float.self)) }
            done += batch.count
            if done == samples.count || done / 64 > (done - batch.count) / 64 {
                context.progress?(ProgressEvent("calibration", completed: done, of: samples.count, unit: "samples"))
            }
        }
        if let broken = values.first(where: { observers[$0]?.sawNonFinite == true }) {
            throw WinnowError(.numeric, "value \(broken)", "became infinite or NaN on the calibration data")
        }
        return observers.compactMapValues { $0.range(percentile: percentile) }
    }
}
