/// Several pieces of work timed in turns, so that whatever else the machine does meets all of them alike.
package struct LatencyTurns: Sendable {
    /// All runs of each, in milliseconds.
    private var times: [[Double]]
    /// The median of each in each round.
    private var medians: [[Double]]

    /// Runs each of `count` pieces of work in turn, nine rounds of `seconds` together, and at least one run a round; five rounds where
    /// one run takes long.
    ///
    /// - Parameter make: makes a piece of work. It is made anew for every round, or every third where that takes long, while the last one
    ///   is still there: where memory happens to lie is then part of the spread, and not one draw that all rounds share.
    package init(count: Int, seconds: Double, _ make: (Int) throws -> () throws -> Void) throws {
        let clock = ContinuousClock()
        times = [[Double]](repeating: [], count: count)
        medians = times
        var works: [() throws -> Void] = []
        var (longest, making) = (0.0, 0.0)
        for index in 0..<count {
            making = max(making, try clock.measure { works.append(try make(index)) } / .seconds(1))
            longest = max(longest, try Self.run(clock, for: seconds / 20, works[index]).min() ?? 0)
        }
        let rounds = longest > 200 * seconds ? 5 : 9
        let interval = making < 0.02 ? 1 : making < 0.2 ? 3 : rounds
        for round in 0..<rounds {
            for index in 0..<count {
                if round > 0, round % interval == 0 {
                    works[index] = try make(index)
                    try works[index]()
                }
                let own = try Self.run(clock, for: seconds / Double(rounds), works[index]).sorted()
                times[index] += own
                medians[index].append(own[own.count / 2])
            }
        }
    }

    private static func run(_ clock: ContinuousClock, for seconds: Double, _ body: () throws -> Void) throws -> [Double] {
        var times: [Double] = []
        let end = clock.now + .seconds(seconds)
        repeat { times.append(try clock.measure(body) / .milliseconds(1)) } while clock.now < end
        return times
    }

    package func latency(_ index: Int, batchSize: Int = 1) -> Latency { Latency(of: times[index], batchSize: batchSize) }

    /// How many times faster `index` is than `other`.
    package func speedup(of index: Int, over other: Int) -> Speedup { Speedup(zip(medians[other], medians[index]).map { $0 / $1 }) }
}

/// How many times faster one model is than another, with what the machine's unrest leaves open.
public struct Speedup: Codable, Sendable, Hashable {
    /// The median over rounds in which both were timed one after the other.
    public var ratio: Double
    /// Between these it lies with a probability of about 95 %.
    public var low: Double
    public var high: Double

    /// From the ratio of each round. The second lowest and second highest of nine enclose the median with 96 %, the lowest
    /// and highest of five with 94 % (sign test).
    init(_ ratios: [Double]) {
        let ratios = ratios.sorted()
        let margin = ratios.count >= 9 ? 1 : 0
        ratio = ratios[ratios.count / 2]
        low = ratios[margin]
        high = ratios[ratios.count - 1 - margin]
    }

    /// Whether the machine is too restless to tell which is faster.
    public var isNoise: Bool { low <= 1 && high >= 1 }
}
