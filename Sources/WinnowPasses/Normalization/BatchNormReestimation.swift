import WinnowEngine
public import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Takes the running statistics of every BatchNormalization anew from data: μ = mean over batches of a batch's mean, σ²
/// likewise of its variance, each batch normalized by its own (Li et al. 2020, "EagleEye"; torch's `update_bn` with momentum none).
public struct BatchNormReestimation: Pass {
    public static let name = "batch-norm-reestimation"
    public static let summary = "takes the running statistics of BatchNormalization anew from data, after pruning or quantization"
    public static let guide = """
        Pruning and rounding move what arrives at a BatchNormalization, whose running mean and variance are still those of the \
        model before. Calibration data runs through the model with every BatchNormalization in its training form, and the means \
        over batches of the batches' means and variances (divided by the count) take the place of the old ones; no weight \
        changes. Use it before `fold-batch-norm`: what is folded has no statistics any more, and the pass says so.
        """
    public static let isIdempotent = true

    @Hyperparameter("calibration samples to run at most", in: 1...1e9) public var samples = 2048
    @Hyperparameter("samples in one batch; more than one, as statistics are those of batches", in: 2...1e6) public var batchSize =
        128

    public init() {}

    public var needs: PassNeeds { .calibration }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let original = graph
        let graph = try graph.separatingStatistics()
        var ledger = WeightLedger(graph)
        let layers = try NormalizedLayer.all(in: graph, &ledger)
        guard !layers.isEmpty else {
            if graph.nodes.allSatisfy({ !($0.op is BatchNormalization) }) {
                ledger.skip("graph", "there is no BatchNormalization left: take statistics anew before fold-batch-norm")
            }
            return PassResult(graph: original, findings: ledger.findings { _ in Self.rest })
        }
        let tensors = try statistics(of: layers, in: graph, context)
        for name in tensors.keys.sorted() {
            guard let before = graph.initializers[name], let after = tensors[name] else { continue }
            guard after.finiteness == nil else { throw WinnowError(.numeric, name, "would not be finite on this data") }
            ledger.note(
                before.isZero ? Finding(name, .done, .largestMagnitude, before: 0, after: Double(after.largestMagnitude))
                    : Finding(name, .done, .relativeChange, after: before.relativeError(of: after)))
        }
        return PassResult(graph: try graph.settingInitializers(tensors), findings: ledger.findings { _ in Self.rest })
    }

    private static let rest = "is no running statistic"

    /// Means over batches, by the initializer that stores them: one that several layers read is the mean over these too.
    private func statistics(
        of layers: [NormalizedLayer], in graph: Graph, _ context: PassContext
    ) throws -> [ValueName: Tensor] {
        let session = try Session(NormalizedLayer.inTraining(layers, graph))
        let data = try context.calibrationData(for: graph).drawn(samples, seed: context.seed)
        var sums: [ValueName: (sum: [Double], count: Int)] = [:]
        var done = 0
        for batch in data.wholeBatches(of: batchSize, for: graph) {
            try context.cancellation?.check("calibration")
            let plan = try session.plan(for: batch, of: data)
            try plan.execute()
            for (stored, batch) in layers.flatMap(\.statistics) {
                guard let values = plan.output(batch)?.doubles() else { continue }
                let sum = sums[stored]
                sums[stored] = (sum.map { zip($0.sum, values).map(+) } ?? values, (sum?.count ?? 0) + 1)
            }
            done += batch.count
            context.progress?(ProgressEvent("calibration", completed: done, of: data.count, unit: "samples"))
        }
        return sums.reduce(into: [:]) { result, entry in
            guard let tensor = graph.initializers[entry.key] else { return }
            let means = entry.value.sum.map { $0 / Double(entry.value.count) }
            result[entry.key] = Tensor(means, shape: tensor.shape, as: tensor.elementType)
        }
    }
}

extension BatchNormReestimation: HyperparameterConvertible {}

/// A BatchNormalization with running statistics, and its training form.
private struct NormalizedLayer {
    private let edit: GraphEdit
    /// Each statistic as it is stored and as it is of a batch.
    let statistics: [(stored: ValueName, batch: ValueName)]

    /// All of a graph; notes those that have none to take anew.
    static func all(in graph: Graph, _ ledger: inout WeightLedger) throws -> [NormalizedLayer] {
        let index = GraphIndex(graph)
        var layers: [NormalizedLayer] = []
        for node in graph.nodes {
            guard let op = node.op as? BatchNormalization else { continue }
            if op.isMarkedTraining {
                ledger.keep(node.name, "it normalizes every batch by its own statistics")
            } else if let layer = try NormalizedLayer(node, in: index) {
                layers.append(layer)
            } else {
                ledger.skip(node.name, "its statistics are computed, or something reads them")
            }
        }
        return layers
    }

    private init?(_ node: Node, in index: GraphIndex) throws {
        guard var edit = try node.op.trainingForm(of: node, in: index), let form = edit.addedNodes.first,
            let mean = form.input(3), let variance = form.input(4), index.graph.initializers[mean] != nil,
            index.graph.initializers[variance] != nil, let batchMean = form.output(3), let batchVariance = form.output(4)
        else { return nil }
        edit.updates = [:]
        self.edit = edit
        statistics = [(mean, batchMean), (variance, batchVariance)]
    }

    /// The graph whose outputs are the statistics of a batch.
    static func inTraining(_ layers: [NormalizedLayer], _ graph: Graph) throws -> Graph {
        var outputs = GraphEdit()
        outputs.outputs = layers.flatMap { $0.statistics.map(\.batch) }
        return try graph.applying(layers.map(\.edit) + [outputs]).removingDeadNodes()
    }
}

extension Dataset {
    /// Batches of at least two samples that are all filled; the one there is where there are fewer samples.
    fileprivate func wholeBatches(of size: Int, for graph: Graph) -> [Batch] {
        let batches = batches(of: size, for: graph)
        let whole = batches.filter { $0.count == $0.indices.count && $0.count == batches[0].count }
        return whole.isEmpty ? batches : whole
    }
}
