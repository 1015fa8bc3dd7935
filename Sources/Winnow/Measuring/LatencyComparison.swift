import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowReport
import WinnowTensor

/// How long models take for one batch, in turns: on one thread, and on all that commands use.
struct LatencyComparison {
    private let oneThread: LatencyTurns
    private let allThreads: LatencyTurns?
    private let threadCount = ThreadCount.current
    private let batchSizes: [Int]

    init(_ models: [(graph: Graph, inputs: [ValueName: Tensor])], seconds: Double = 0.5, options: SessionOptions) throws {
        let all = threadCount
        defer { ThreadCount.set(all) }
        func turns(threads: Int) throws -> LatencyTurns {
            ThreadCount.set(threads)
            let plans = try models.map { graph, inputs in
                let plan = try Session(graph, options: options).plan(for: inputs.mapValues(\.shape))
                for (name, tensor) in inputs { try plan.setInput(name, tensor) }
                return plan
            }
            return try LatencyTurns(count: plans.count, seconds: seconds) { try plans[$0].execute() }
        }
        batchSizes = models.map { $0.graph.fixedBatchSize ?? $0.inputs.values.first?.shape.first ?? 1 }
        oneThread = try turns(threads: 1)
        allThreads = all > 1 ? try turns(threads: all) : nil
    }

    /// Writes what the model at `place` takes; with `hasOriginal`, the first model is what others are compared with.
    func write(_ place: Int, hasOriginal: Bool, to result: inout ModelMeasurement) {
        result.latency = oneThread.latency(place, batchSize: batchSizes[place])
        result.latencyOnAllThreads = allThreads?.latency(place, batchSize: batchSizes[place])
        result.threadCount = threadCount
        guard hasOriginal, place > 0 else { return }
        result.speedup = oneThread.speedup(of: place, over: 0)
        result.speedupOnAllThreads = allThreads?.speedup(of: place, over: 0)
    }
}
