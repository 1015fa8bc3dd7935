import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowReport
import WinnowTensor

/// States of one model measured alike, the original first: how good they are on the same data, and, in turns, how fast.
struct Measuring {
    var data: DataSplits?
    /// What the user says of extents that the model leaves open; the data tells them too.
    var shapes = InputShapes()
    var judges: [Judge] = []
    var evaluation = EvaluationOptions()
    /// Whether the original is judged on validation data as the models between steps are.
    var judgesSteps = false
    /// Whether the layers of the first and the last model are timed too.
    var timesLayers = true

    /// The shapes that `graph` is measured with.
    func shapes(for graph: Graph, of original: Graph) -> InputShapes {
        let sample = try? (data?.test ?? data?.validation ?? data?.training ?? data?.whole)?.renamed(from: original, to: graph).adapted(to: graph)
        return shapes.filled(from: sample.flatMap { $0.count > 0 ? InputShapes(of: $0) : nil })
    }

    /// What `model` costs; missing shapes are noted.
    private func cost(
        of model: Model, _ stage: String, beside original: Graph, name: String, histograms: Bool
    ) throws -> ModelMeasurement {
        let shapes = shapes(for: model.graph, of: original)
        var cost = try model.withFile { try $0.cost(model: name, stage: stage, shapes: shapes, histograms: histograms) }
        cost.file = model.path
        if let broken = model.graph.notNumbers { cost.note("\(stage): \(broken)") }
        if let request = shapes.request(for: model.graph) { cost.note("MACs and latency: \(request)") }
        return cost
    }

    /// The costs and the quality of an original, to which others are compared.
    ///
    /// - Parameter isCompared: whether there are others.
    func judged(
        _ original: Model, stage: String, name: String, histograms: Bool = true, isCompared: Bool = true
    ) throws -> ModelMeasurement {
        var result = try cost(of: original, stage, beside: original.graph, name: name, histograms: histograms)
        if let omitted = original.graph.omittedOutputs { result.note(omitted) }
        let bench = Bench(original: original.graph, options: evaluation)
        try addQuality(to: &result, original.graph, isOriginal: true, isCompared: isCompared, bench)
        try addJudgements(to: &result, original.graph, original: isCompared ? original.graph : nil)
        if judgesSteps, let judge = judges.first, let validation = data?.validation {
            result.validationMetrics = [try judge.result(of: original.graph, original: original.graph, on: validation, options: evaluation)]
        }
        return result
    }

    /// An original that was judged, and the costs and the quality of others beside it; all with their latency, measured in turns.
    func callAsFunction(
        _ original: Model, _ judged: ModelMeasurement, beside others: [(stage: String, model: Model)], name: String, histograms: Bool = true
    ) throws -> [ModelMeasurement] {
        let bench = Bench(original: original.graph, options: evaluation)
        var results = try [judged] + others.map { stage, model in
            var result = try cost(of: model, stage, beside: original.graph, name: name, histograms: histograms)
            try addQuality(to: &result, model.graph, isOriginal: false, isCompared: true, bench)
            try addJudgements(to: &result, model.graph, original: original.graph)
            return result
        }
        try addLatencies(to: &results, [original.graph] + others.map(\.model.graph))
        return results
    }

    /// Costs, quality and latency of models, the original first.
    func callAsFunction(_ models: [(stage: String, model: Model)], name: String, histograms: Bool = true) throws -> [ModelMeasurement] {
        guard let (stage, original) = models.first else { return [] }
        let judged = try judged(original, stage: stage, name: name, histograms: histograms, isCompared: models.count > 1)
        return try self(original, judged, beside: Array(models.dropFirst()), name: name, histograms: histograms)
    }

    /// Top-1 where the labels fit, else how well the outputs agree with the original's.
    private func addQuality(
        to result: inout ModelMeasurement, _ graph: Graph, isOriginal: Bool, isCompared: Bool, _ bench: Bench
    ) throws {
        if let validation = data?.validation {
            let labels = ClassLabels(of: validation, for: graph)
            if labels.objection == nil { result.validationTop1 = try bench.trial(graph, on: validation, labels: labels).quality.score }
        }
        guard let test = data?.test else { return }
        result.sampleCount = test.count
        let labels = ClassLabels(of: test, for: graph)
        guard let objection = labels.objection else {
            result.top1 = try bench.trial(graph, on: test, labels: labels).quality.score
            if let places = labels.places, let output = graph.scoredOutput { result.note("top-1: \(places.words(of: output))") }
            return
        }
        let words = test.count == 1 ? "1 sample" : "\(test.count) samples"
        result.note("no top-1: \(objection)" + (isCompared ? "; agreement is that of \(words)" : ""))
        guard !isOriginal else { return }
        do {
            result.metrics = try bench.trial(graph, on: test).quality.results
        } catch let error as WinnowError where [.model, .unsupported].contains(error.kind) {
            result.note("no agreement of \(result.stage): \(error)")
        }
    }

    private func addJudgements(to result: inout ModelMeasurement, _ graph: Graph, original: Graph?) throws {
        guard let test = data?.test, !judges.isEmpty else { return }
        let results = try judges.map { try $0.result(of: graph, original: original, on: test, options: evaluation) }
        result.metrics = (result.metrics ?? []) + results
    }

    private func addLatencies(to results: inout [ModelMeasurement], _ graphs: [Graph]) throws {
        let speeds: [Speed?]
        do {
            // Layers are shown as they were and as they are.
            speeds = try self.speeds(of: graphs, listing: timesLayers && graphs.count > 1 ? [0, graphs.count - 1] : [])
        } catch let error as WinnowError where error.kind == .unsupported {
            return results[0].note("no latency: \(error)")
        }
        for (index, speed) in speeds.enumerated() {
            guard let speed else { continue }
            if !speed.steps.isEmpty { results[index].add(speed.steps) }
            results[index].latency = speed.latency
            results[index].latencyOnAllThreads = speed.latencyOnAllThreads
            results[index].threadCount = speed.threadCount
            guard speeds[0] != nil else { continue }
            results[index].speedup = speed.speedup
            results[index].speedupOnAllThreads = speed.speedupOnAllThreads
        }
    }

    /// How fast models are, measured in turns, the first being the original, and step by step at the places of `listing`; nil where an
    /// extent is open.
    func speeds(of graphs: [Graph], onAllThreads: Bool = true, listing: Set<Int> = []) throws -> [Speed?] {
        let samples = graphs.map { inputs(for: $0, of: graphs[0]) }
        let known = graphs.indices.filter { samples[$0] != nil }
        var result = [Speed?](repeating: nil, count: graphs.count)
        guard !known.isEmpty else { return result }
        let speeds = try Speed.of(
            known.map { (graphs[$0], samples[$0] ?? [:]) }, onAllThreads: onAllThreads,
            listing: Set(known.indices.filter { listing.contains(known[$0]) }), options: evaluation.session)
        for (index, speed) in zip(known, speeds) { result[index] = speed }
        return result
    }

    /// One sample, of the data or random; nil where an extent is open.
    private func inputs(for graph: Graph, of original: Graph) -> [ValueName: Tensor]? {
        if shapes.isEmpty, let data = data?.test ?? data?.validation ?? data?.training, data.count > 0,
            let own = try? data.renamed(from: original, to: graph).adapted(to: graph)
        {
            return try? own.batch(at: [Int](repeating: 0, count: graph.fixedBatchSize ?? 1))
        }
        return try? RandomInputs(seed: 0).inputs(for: graph, batchSize: graph.fixedBatchSize ?? 1, shapes: shapes(for: graph, of: original))
    }
}

extension Graph {
    /// `w1 and 2 more weights hold what is no number; …`; nil where none does.
    fileprivate var notNumbers: String? {
        let broken = initializerNames.filter { name in
            guard let tensor = initializers[name], tensor.elementType == .float32 else { return false }
            return tensor.withElements(Float.self) { $0.contains { $0.isNaN } }
        }
        guard let first = broken.first else { return nil }
        let others = broken.count > 1 ? " and \(broken.count - 1) more" : ""
        let index = GraphIndex(self)
        let meetsRelu = broken.contains { index.consumers(of: $0).contains { index.feedsRelu($0) } }
        let relu = meetsRelu ? ", of which a Relu computed with its layer makes 0, and other runtimes do not" : ""
        return "\(first)\(others) holds what is no number\(relu)"
    }
}

extension GraphIndex {
    /// Whether a Relu may be computed along with a node: it follows at once, or after sums and normalizations.
    fileprivate func feedsRelu(_ node: Node) -> Bool {
        var (waiting, seen) = (node.outputs, Set(node.outputs))
        while let value = waiting.popLast() {
            for reader in consumers(of: value) {
                if reader.op is Relu { return true }
                if reader.op is Add || reader.op is BatchNormalization { waiting += reader.outputs.filter { seen.insert($0).inserted } }
            }
        }
        return false
    }
}

extension Dataset {
    /// The samples alone.
    var withoutLabels: Dataset {
        var result = self
        result.labels = nil
        return result
    }
}
