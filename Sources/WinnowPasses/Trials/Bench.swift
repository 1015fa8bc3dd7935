package import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Measures candidates of one model alike: beside the same original, each content once.
package final class Bench {
    private let original: Graph?
    private let options: SessionOptions
    private let cancellation: Cancellation?
    private let progress: ProgressReporter?
    private let judge: ((Graph, Dataset) throws -> Double)?
    /// By the contents of candidate and data.
    private var qualities: [[String]: Quality] = [:]

    /// - Parameter judge: scores candidates instead of labels and the original.
    package init(
        original: Graph?, options: SessionOptions = SessionOptions(), cancellation: Cancellation? = nil,
        progress: ProgressReporter? = nil, judge: ((Graph, Dataset) throws -> Double)? = nil
    ) {
        self.original = original
        self.options = options
        self.cancellation = cancellation
        self.progress = progress
        self.judge = judge
    }

    /// A candidate as good as it is on data.
    package func trial(_ graph: Graph, on data: Dataset) throws -> Trial {
        if let judge { return Trial(graph: graph, quality: Quality(score: try judge(graph, data))) }
        var hash = ContentHash()
        hash.add(graph)
        let key = [hash.text, data.fingerprint]
        let quality = try qualities[key]
            ?? Quality(of: graph, beside: original, on: data, options: options, cancellation: cancellation, progress: progress)
        qualities[key] = quality
        return Trial(graph: graph, quality: quality)
    }
}
