package import WinnowGraph
package import WinnowTensor

/// How long a plan takes to execute, over several runs.
public struct Latency: Sendable, Codable, Hashable {
    public var medianMilliseconds: Double
    public var percentile95Milliseconds: Double
    public var runCount: Int
    public var batchSize: Int
}

extension Latency {
    /// Measures `graph` on zeros: a warm-up, then runs until `seconds` have passed, at least five.
    package static func measure(
        _ graph: Graph, batchSize: Int = 1, shapes: [ValueName: Shape]? = nil, seconds: Double = 0.5,
        options: SessionOptions = SessionOptions()
    ) throws -> Latency {
        let plan = try Session(graph, options: options).plan(for: shapes ?? graph.sampleShapes(batchSize: batchSize))
        return try measure(batchSize: batchSize, seconds: seconds) { try plan.execute() }
    }

    /// Measures `body` for `seconds` after a quarter of that as warm-up, at least five times.
    package static func measure(batchSize: Int, seconds: Double, _ body: () throws -> Void) throws -> Latency {
        let clock = ContinuousClock()
        let warmUpEnd = clock.now + .seconds(seconds / 4)
        repeat { try body() } while clock.now < warmUpEnd
        var times: [Double] = []
        let end = clock.now + .seconds(seconds)
        while clock.now < end || times.count < 5 { times.append(try clock.measure(body) / .milliseconds(1)) }
        times.sort()
        return Latency(
            medianMilliseconds: times[times.count / 2], percentile95Milliseconds: times[times.count * 95 / 100],
            runCount: times.count, batchSize: batchSize)
    }
}

extension Latency {
    /// Measures `body` `runCount` times with caches emptied before each, as after other work: weights come from memory.
    package static func measureCold(batchSize: Int, runCount: Int, _ body: () throws -> Void) throws -> Latency {
        let clock = ContinuousClock()
        var memory = [UInt8](repeating: 0, count: 128 << 20)
        var times: [Double] = []
        for _ in 0..<runCount {
            memory.withUnsafeMutableBufferPointer { bytes in
                for line in stride(from: 0, to: bytes.count, by: 64) { bytes[line] &+= 1 }
            }
            times.append(try clock.measure(body) / .milliseconds(1))
        }
        times.sort()
        return Latency(
            medianMilliseconds: times[times.count / 2], percentile95Milliseconds: times[times.count * 95 / 100],
            runCount: times.count, batchSize: batchSize)
    }
}

extension Graph {
    /// Input shapes with every named or unknown extent set to `batchSize`.
    package func sampleShapes(batchSize: Int) -> [ValueName: Shape] {
        Dictionary(
            requiredInputs.compactMap { input in
                input.type.extents.map { (input.name, Shape($0.map { $0.value ?? batchSize })) }
            }, uniquingKeysWith: { first, _ in first })
    }
}
