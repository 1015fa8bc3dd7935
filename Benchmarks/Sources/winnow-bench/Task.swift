import Winnow

/// What a worker is asked to do, one JSON line each.
struct Task: Codable, Hashable, Sendable {
    enum Work: String, Codable, CaseIterable, Sendable {
        /// One execution of the file.
        case inference
        /// One step of SGD with momentum on the cross-entropy; a peer takes the network of the file's name.
        case training
        /// From the float32 file to the int8 file, calibrated on the samples in `data`.
        case quantization
    }

    var work: Work
    /// The ONNX file.
    var model: String
    /// Samples in an execution or a step, or to calibrate on.
    var batch: Int
    /// Of the model's forward pass on the batch.
    var multiplyAccumulates = 0
    /// The time to measure in; a quantization runs once.
    var seconds: Double
    /// Executions to measure with emptied caches.
    var coldRuns = 0
    /// Training passes that take part in the steps.
    var passes: [String] = []
    /// The samples of a quantization.
    var data: String?
    /// Whether to time the steps of the plan instead.
    var listsSteps = false
}

/// A worker's answer to one task, one JSON line.
struct Answer: Codable, Sendable {
    var medianMilliseconds: Double?
    var percentile95Milliseconds: Double?
    var coldMilliseconds: Double?
    /// Why the task cannot be done here.
    var error: String?
    /// The steps of the plan, and what it costs; Winnow alone tells.
    var steps: [PlanStepTiming]?
    var plannedByteCount: Int?
    var multiplyAccumulates: Int?
}
