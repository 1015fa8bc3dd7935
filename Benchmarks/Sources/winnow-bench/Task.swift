import Winnow

/// What a worker is asked to do, one JSON line each.
struct Task: Codable, Hashable, Sendable {
    var work: ModelTimer.Work
    /// The ONNX file; a training peer takes the network of its name.
    var model: String
    var batch: Int
    var seconds: Double
}

/// A worker's answer to one task, one JSON line.
struct Answer: Codable, Sendable {
    var medianMilliseconds: Double?
    var percentile95Milliseconds: Double?
    /// Why the task cannot be done here.
    var error: String?
}
