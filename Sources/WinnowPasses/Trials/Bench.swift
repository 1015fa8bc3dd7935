package import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Measures candidates of one model alike: beside the same original, each content once.
package final class Bench {
    private let original: Graph?
    private let options: EvaluationOptions
    private let judge: Judge?
    /// By the contents of candidate and data.
    private var qualities: [[String]: Quality] = [:]

    /// - Parameter judge: scores candidates instead of labels and the original.
    package init(original: Graph?, options: EvaluationOptions = EvaluationOptions(), judge: Judge? = nil) {
        self.original = original
        self.options = options
        self.judge = judge
    }

    /// A candidate as good as it is on data.
    ///
    /// - Parameter labels: what those of `data` are to `graph`, where that is known.
    package func trial(_ graph: Graph, on data: Dataset, labels: ClassLabels? = nil) throws -> Trial {
        var hash = ContentHash()
        hash.add(graph)
        let key = [hash.text, try data.fingerprint]
        let quality = try qualities[key] ?? judge.map { judge in
            try Quality(judge.result(of: graph, original: original, on: data, options: options), isPart: judge.isPart)
        }
            ?? Quality(of: graph, beside: original, on: data, labels: labels, options: options)
        qualities[key] = quality
        return Trial(graph: graph, quality: quality)
    }
}
