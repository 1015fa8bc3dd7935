import Winnow

/// What every contestant took for one task at one number of threads.
struct Row: Codable {
    struct Time: Codable {
        var contestant: String
        /// The median over rounds of the rounds' medians.
        var medianMilliseconds: Double?
        var percentile95Milliseconds: Double?
        var error: String?
    }

    var model: String
    var work: ModelTimer.Work
    var batch: Int
    var threads: Int
    var times: [Time]

    subscript(contestant: String) -> Double? { times.first { $0.contestant == contestant }?.medianMilliseconds }
}

/// A whole run.
struct Results: Codable {
    var environment: [String: String]
    var command: String
    var rounds: Int
    var seconds: Double
    var rows: [Row]
}
