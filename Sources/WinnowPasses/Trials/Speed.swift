package import WinnowEngine
package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// How long a model takes for one batch, on one thread and on all that commands use, and how it compares with the first of those
/// measured with it.
package struct Speed: Sendable {
    package var latency: Latency
    package var latencyOnAllThreads: Latency?
    package var threadCount: Int
    /// nil for the first.
    package var speedup: Speedup?
    package var speedupOnAllThreads: Speedup?
    /// On one thread, of those models that were asked for.
    package var steps: [PlanStepTiming] = []

    /// Measures models in turns, for `seconds` each on one thread and, if asked, on all; those at the places of `listing` also step by
    /// step, for half as long.
    package static func of(
        _ models: [(graph: Graph, inputs: [ValueName: Tensor])], seconds: Double = 0.5, onAllThreads: Bool = true, listing: Set<Int> = [],
        options: SessionOptions
    ) throws -> [Speed] {
        let all = ThreadCount.current
        defer { ThreadCount.set(all) }
        var steps: [Int: [PlanStepTiming]] = [:]
        func turns(threads: Int) throws -> LatencyTurns {
            ThreadCount.set(threads)
            func plan(_ place: Int) throws -> Plan {
                let (graph, inputs) = models[place]
                let plan = try Session(graph, options: options).plan(for: inputs.mapValues(\.shape))
                for (name, tensor) in inputs { try plan.setInput(name, tensor) }
                return plan
            }
            let turns = try LatencyTurns(count: models.count, seconds: seconds) { place in
                let plan = try plan(place)
                return { try plan.execute() }
            }
            guard threads == 1 else { return turns }
            for place in listing { steps[place] = try PlanStepTiming.measure(plan(place), seconds: seconds / 2) }
            return turns
        }
        let oneThread = try turns(threads: 1)
        let allThreads = onAllThreads && all > 1 ? try turns(threads: all) : nil
        return models.indices.map { place in
            let (graph, inputs) = models[place]
            let batchSize = SampleAxes(of: graph).count(in: inputs.mapValues(\.shape)) ?? 1
            return Speed(
                latency: oneThread.latency(place, batchSize: batchSize),
                latencyOnAllThreads: allThreads?.latency(place, batchSize: batchSize), threadCount: all,
                speedup: place > 0 ? oneThread.speedup(of: place, over: 0) : nil,
                speedupOnAllThreads: place > 0 ? allThreads?.speedup(of: place, over: 0) : nil, steps: steps[place] ?? [])
        }
    }
}
