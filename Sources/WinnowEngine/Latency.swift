/// How long a plan takes to execute, over several runs.
public struct Latency: Sendable, Codable, Hashable {
    public var medianMilliseconds: Double
    public var percentile95Milliseconds: Double
    /// Half of the runs lie between these.
    public var lowerQuartileMilliseconds: Double
    public var upperQuartileMilliseconds: Double
    public var runCount: Int
    public var batchSize: Int
}

extension Latency {
    /// From the milliseconds of all runs, at least one.
    package init(of times: [Double], batchSize: Int) {
        let times = times.sorted()
        func place(_ percent: Int) -> Double { times[min(times.count - 1, times.count * percent / 100)] }
        self.init(
            medianMilliseconds: place(50), percentile95Milliseconds: place(95), lowerQuartileMilliseconds: place(25),
            upperQuartileMilliseconds: place(75), runCount: times.count, batchSize: batchSize)
    }

    /// Measures `body` for `seconds` after a quarter of that as warm-up, at least five times.
    package static func measure(batchSize: Int, seconds: Double, _ body: () throws -> Void) throws -> Latency {
        let clock = ContinuousClock()
        let warmUpEnd = clock.now + .seconds(seconds / 4)
        repeat { try body() } while clock.now < warmUpEnd
        var times: [Double] = []
        let end = clock.now + .seconds(seconds)
        while clock.now < end || times.count < 5 { times.append(try clock.measure(body) / .milliseconds(1)) }
        return Latency(of: times, batchSize: batchSize)
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
        return Latency(of: times, batchSize: batchSize)
    }
}
