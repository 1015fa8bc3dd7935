import WinnowEngine
public import WinnowGraph
import WinnowTensor

/// Takes out the residual blocks that change least what passes through them: y = x + f(x) becomes x (Men et al. 2024,
/// "ShortGPT").
public struct BlockRemoval: Pass {
    public static let name = "block-removal"
    public static let summary = "takes out the residual blocks that change least what passes through them"
    public static let guide = """
        A block adds to a value what is computed from it; where it goes, the value itself goes on, and all shapes stay. By \
        `cosine` those go whose output is most like their input: the mean over samples of cos(x, y), ShortGPT's block influence \
        being one less it. By `metric` each block in turn is left out and validation data judges; the one that is missed least goes, and so on. \
        Follow with `finetune`.
        """
    public static let strengths = [Strength("blocks", none: 0, rising: [1, 2, 3])]

    public enum Ranking: String, HyperparameterChoice, Codable { case cosine, metric }

    @Hyperparameter("blocks to take out", in: 0...1e6) public var blocks = 1
    @Hyperparameter("what ranks blocks: the cosine of input and output, or validation without each of them") public var ranking =
        Ranking.cosine
    @Hyperparameter("calibration samples for the cosine at most", in: 1...1e9, counts: .with("ranking", ["cosine"])) public var samples = 256

    public init() {}

    /// The blocks of a model that may go.
    package static func blockCount(of graph: Graph) -> Int { ResidualBlock.all(in: graph).count }

    public var needs: PassNeeds { .calibration }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        var ledger = WeightLedger(graph)
        let all = ResidualBlock.all(in: graph)
        if all.isEmpty { ledger.keep("graph", "there is no sum of a value and of what is computed from it alone in shape") }
        guard blocks > 0, !all.isEmpty else {
            return PassResult(graph: graph, findings: ledger.findings { _ in "no block is taken out" })
        }
        let result = try ranking == .cosine ? byCosine(graph, all, &ledger, context) : byMetric(graph, all, &ledger, context)
        for name in graph.weightTensors where result.initializers[name] == nil {
            ledger.note(Finding(name, .done, .elements, before: Double(graph.initializers[name]?.elementCount ?? 0), after: 0))
        }
        return PassResult(graph: result, findings: ledger.findings { _ in "its block stays" })
    }

    /// Without the blocks of the largest cosines, of equal ones the last.
    private func byCosine(
        _ graph: Graph, _ all: [ResidualBlock], _ ledger: inout WeightLedger, _ context: PassContext
    ) throws -> Graph {
        let cosines = try cosines(of: all, in: graph, context)
        let order = all.indices.sorted { (cosines[$0], $0) > (cosines[$1], $1) }
        let gone = Set(order.prefix(blocks))
        for (place, block) in all.enumerated() {
            ledger.note(
                Finding(
                    block.name, gone.contains(place) ? .done : .kept, Quantity("cosine of input and output"),
                    after: cosines[place],
                    reason: gone.contains(place) ? "the block is taken out" : "others change less"))
        }
        return try gone.sorted().reduce(graph) { try all[$1].removed(from: $0) }
    }

    /// The mean over samples of the cosine of a block's input and output, all elements of a sample being one vector.
    private func cosines(of all: [ResidualBlock], in graph: Graph, _ context: PassContext) throws -> [Double] {
        let data = try context.calibrationData(for: graph).drawn(samples, seed: context.seed)
        var edit = GraphEdit()
        edit.outputs = Set(all.flatMap { [$0.input, $0.output] }).subtracting(graph.inputNames).sorted()
        let session = try Session(graph.applying(edit))
        var sums = [Double](repeating: 0, count: all.count)
        var done = 0
        for batch in data.batches(of: 16, for: graph) {
            try context.cancellation?.check("calibration")
            let inputs = try data.batch(at: batch.indices)
            let outputs = try session.run(inputs)
            for (place, block) in all.enumerated() {
                guard let x = (outputs[block.input] ?? inputs[block.input])?.doubles(), let y = outputs[block.output]?.doubles()
                else { continue }
                let length = x.count / batch.indices.count
                for sample in 0..<batch.count { sums[place] += Self.cosine(x, y, (sample * length)..<((sample + 1) * length)) }
            }
            done += batch.count
            context.progress?(ProgressEvent("calibration", completed: done, of: data.count, unit: "samples"))
        }
        return sums.map { $0 / Double(max(1, done)) }
    }

    private static func cosine(_ x: [Double], _ y: [Double], _ range: Range<Int>) -> Double {
        var (xx, xy, yy) = (0.0, 0.0, 0.0)
        for index in range {
            xx += x[index] * x[index]
            xy += x[index] * y[index]
            yy += y[index] * y[index]
        }
        return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : 0
    }

    /// Leaves out one block after the other, each time the one without which the rest is best.
    private func byMetric(
        _ graph: Graph, _ all: [ResidualBlock], _ ledger: inout WeightLedger, _ context: PassContext
    ) throws -> Graph {
        var context = context
        context.teacher = context.teacher ?? graph
        let (bench, validation) = (context.bench, try context.validationData(for: graph))
        var best = try bench.trial(graph, on: validation)
        let (rounds, start) = (min(blocks, all.count), ContinuousClock.now)
        var left = all
        for round in 0..<rounds {
            let trials = try left.map { block in
                try context.cancellation?.check("block \(block.name)")
                return try bench.trial(block.removed(from: best.graph), on: validation)
            }
            let scores = trials.map { $0.score(beside: best) }
            guard let place = scores.indices.max(by: { scores[$0] < scores[$1] }) else { break }
            let quality = trials[place].quality
            ledger.note(
                Finding(
                    left[place].name, .done, .validation(quality.name), before: best.quality.measured(best.quality.score),
                    after: quality.measured(quality.score), reason: "the block is taken out"))
            best = trials[place]
            left.remove(at: place)
            context.progress?(ProgressEvent("search", completed: round + 1, of: rounds, unit: "blocks", since: start))
        }
        for block in left { ledger.keep(block.name, "others are missed less") }
        return best.graph
    }
}
