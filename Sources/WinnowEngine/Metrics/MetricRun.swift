package import WinnowGraph
package import WinnowTensor

/// A model over data, measured by every metric that has something to say about its outputs; what has no elements tells nothing.
package struct MetricRun {
    package private(set) var results: [MetricResult] = []
    /// Why a metric has nothing to say, by its name.
    package private(set) var objections: [String: String] = [:]
    /// How far every output is from the original's, but those that never had an element.
    package private(set) var sums: [(output: String, sums: PairSums)] = []
    /// How many samples have an output with an element that is no number, the most of all outputs.
    package private(set) var brokenSampleCount = 0
    private var gauges: [OutputGauge]

    /// Runs `graph`, and `original` beside it, over all samples; outputs belong together by name, else by position.
    /// Throws `.model` if outputs do not correspond, `.data` for what does not fit the model.
    ///
    /// - Parameters:
    ///   - metrics: those to choose from, by what each output is.
    ///   - onlyScores: whether the output of scores alone is looked at.
    ///   - labels: what those of `data` are to `graph`, where that is known.
    package init(
        of graph: Graph, original: Graph? = nil, on data: Dataset, metrics: [any Metric] = MetricCatalogue.all.map { $0.init() },
        onlyScores: Bool = false, labels: ClassLabels? = nil, options: EvaluationOptions = EvaluationOptions()
    ) throws {
        let (graph, original) = (try graph.givingComputedOutputs(), try original?.givingComputedOutputs())
        let first = original ?? graph
        let others = try data.adapted(to: first)
        let own = original == nil ? others : try data.renamed(from: first, to: graph).adapted(to: graph)
        let session = try Session(graph, options: options.session)
        let reference = try original.map { try Session($0, options: options.session) }
        gauges = try OutputGauge.pairs(of: graph, original, metrics).filter { !onlyScores || $0.name == graph.scoredOutput }
        let places = (labels ?? ClassLabels(of: own, for: graph)).places
        let index = GraphIndex(graph)
        for place in gauges.indices {
            gauges[place].labelObjection = data.labelObjection
            gauges[place].classAxis = places?.axis(ofOutput: gauges[place].name)
            if data.labels != nil || gauges[place].classAxis != nil { gauges[place].findForm(in: index) }
        }
        let start = ContinuousClock.now
        var done = 0
        // Either model may fix how many samples it takes.
        let size = options.batchSize ?? 64
        let isOwnFixed = others.fixedBatchSize(for: first) == nil && own.fixedBatchSize(for: graph) != nil
        for batch in isOwnFixed ? own.batches(of: size, for: graph) : others.batches(of: size, for: first) {
            try options.cancellation?.check("evaluation")
            let plan = try session.plan(for: batch, of: own)
            try plan.execute()
            let other = try reference?.plan(for: batch, of: others)
            try other?.execute()
            let labels = data.labels.map { labels in batch.indices.prefix(batch.count).map { labels[$0] } }
            let placeLabels = try places?.labels(of: batch.indices.prefix(batch.count))
            let rows = (all: batch.indices.count, counted: batch.count)
            for index in gauges.indices {
                try gauges[index].add(plan.output(gauges[index].name), other?.output(gauges[index].otherName), labels: labels, placeLabels, rows)
            }
            done += batch.count
            options.progress?(ProgressEvent("evaluation", completed: done, of: data.count, unit: "samples", since: start))
        }
        finish()
    }

    /// Runs both models once, on inputs by the original's names whose first axes need not be as long: random ones.
    package init(of graph: Graph, original: Graph, inputs: [ValueName: Tensor]) throws {
        let (graph, original) = (try graph.givingComputedOutputs(), try original.givingComputedOutputs())
        gauges = try OutputGauge.pairs(of: graph, original, MetricCatalogue.all.map { $0.init() })
        let own = try Session(graph).run(inputs.renamed(from: original, to: graph))
        let others = try Session(original).run(inputs)
        let count = SampleAxes(of: original).count(in: inputs.mapValues(\.shape)) ?? 1
        for index in gauges.indices {
            try gauges[index].add(own[gauges[index].name], others[gauges[index].otherName], labels: nil, nil, (count, count))
        }
        finish()
    }

    private mutating func finish() {
        for gauge in gauges {
            results += gauge.chosen.map { MetricResult($0, output: gauge.otherName) }
            if !gauge.isEmpty { sums.append((gauge.otherName, gauge.sums)) }
            objections.merge(gauge.objections) { first, _ in first }
            brokenSampleCount = max(brokenSampleCount, gauge.brokenSampleCount)
        }
        for result in results { objections[result.metric] = nil }
    }

    /// The first output's value of a metric.
    package subscript(metric: any Metric.Type) -> MetricResult? { results.first { $0.metric == metric.name } }

    /// The metric itself, as the first output that it has something to say of left it.
    func gathered<Kind: Metric>(_ kind: Kind.Type) -> Kind? { gauges.lazy.flatMap(\.chosen).compactMap { $0 as? Kind }.first }
}

/// The metrics of one output.
private struct OutputGauge {
    let name: ValueName
    /// What the original calls it.
    let otherName: ValueName
    /// The axis that counts samples, if it is known.
    let axis: Int?
    /// The axis of classes of places that have labels, where samples come first.
    var classAxis: Int?
    /// What its scores are, if they are scores.
    private var form = ClassScores.Form.logits
    /// Why there are no labels, where there are none.
    var labelObjection = MetricPlace.noLabels
    /// Those that have something to say, once the first batch has shown what it is; until then all there are.
    var metrics: [any Metric]
    var objections: [String: String] = [:]
    var sums = PairSums()
    private(set) var brokenSampleCount = 0
    private var isChosen = false
    /// Whether it had no elements in any batch yet.
    private(set) var isEmpty = false

    /// The metrics that have seen a batch.
    var chosen: [any Metric] { isChosen ? metrics : [] }

    /// The outputs of both models that belong together. Throws `.model` if they are not as many.
    static func pairs(of graph: Graph, _ original: Graph?, _ metrics: [any Metric]) throws -> [OutputGauge] {
        let (own, others) = (graph.outputNames, original?.outputNames ?? graph.outputNames)
        let areSame = Set(own) == Set(others)
        guard areSame || own.count == others.count else {
            throw WinnowError(
                .model, "outputs", "are \(others.joined(separator: ", ")) in one model and \(own.joined(separator: ", ")) in the other")
        }
        let axes = SampleAxes(of: original ?? graph)
        return zip(areSame ? others : own, others).map {
            OutputGauge(name: $0, otherName: $1, axis: axes.axis(ofOutput: $1), metrics: metrics)
        }
    }

    private init(name: ValueName, otherName: ValueName, axis: Int?, metrics: [any Metric]) {
        self.name = name
        self.otherName = otherName
        self.axis = axis
        self.metrics = metrics
    }

    mutating func findForm(in index: GraphIndex) {
        let samples = axis ?? 0
        form = ClassScores(of: name, in: index, samples: samples, classes: classAxis.map { $0 <= samples ? $0 - 1 : $0 }).form
    }

    /// Adds what came out for `rows.all` samples, of which the first `rows.counted` count.
    mutating func add(
        _ output: Tensor?, _ original: Tensor?, labels: [Int]?, _ placeLabels: [Int]?, _ rows: (all: Int, counted: Int)
    ) throws {
        guard let output = output?.samplesFirst(axis, count: rows.all) else { return }
        let original = original?.samplesFirst(axis, count: rows.all)
        if let original, original.shape != output.shape {
            throw WinnowError(.model, "output \(otherName)", "has shape \(original.shape) in one model and \(output.shape) in the other")
        }
        let hasRows = output.shape.first == rows.all
        let count = hasRows ? output.elementCount / max(1, rows.all) * rows.counted : output.elementCount
        guard count > 0 else { return passOver() }
        let values = output.doubles(in: 0..<count)
        let others = original?.doubles(in: 0..<count)
        let piece = MetricBatch(values: values, original: others, labels: labels, sampleCount: rows.counted, form: form)
        let places = try classAxis.flatMap { axis in try placeLabels.map { try piece.places($0, classes: axis, of: output.shape) } }
        if !isChosen { choose(output, hasLabels: labels != nil, hasOriginal: original != nil, rows.all, places) }
        for index in metrics.indices { try metrics[index].add(type(of: metrics[index]).judgesClasses ? places ?? piece : piece) }
        if values.contains(where: \.isNaN) {
            brokenSampleCount += hasRows ? (0..<rows.counted).count { piece.values(of: $0).contains(where: \.isNaN) } : rows.counted
        }
        if let others { sums.add(values, from: others) }
    }

    /// Takes a batch for which the output has no elements.
    private mutating func passOver() {
        guard !isChosen else { return }
        isEmpty = true
        for metric in metrics { objections[type(of: metric).name] = "output \(name) has no elements" }
    }

    private mutating func choose(_ output: Tensor, hasLabels: Bool, hasOriginal: Bool, _ count: Int, _ places: MetricBatch?) {
        (isChosen, isEmpty) = (true, false)
        objections = [:]
        var place = MetricPlace(
            output: name, elementType: output.elementType, shape: output.shape, sampleCount: count, hasLabels: hasLabels, hasOriginal: hasOriginal)
        place.labelObjection = labelObjection
        var classPlace = place
        if let places, let classAxis {
            classPlace.shape = [places.sampleCount, output.shape[classAxis]]
            (classPlace.sampleCount, classPlace.hasLabels) = (places.sampleCount, true)
        }
        metrics.removeAll { metric in
            let kind = type(of: metric)
            guard let objection = kind.objection(to: kind.judgesClasses ? classPlace : place) else { return false }
            objections[kind.name] = objection
            return true
        }
    }
}

extension Dictionary where Key == ValueName {
    /// The values by the names that `graph` has for the inputs of `other`: the same where all are known, else by position.
    package func renamed(from other: Graph, to graph: Graph) -> Self {
        let (names, others) = (graph.inputNames, other.inputNames)
        guard Set(names) != Set(others), names.count == others.count else { return self }
        return Dictionary(
            zip(others, names).compactMap { from, to in self[from].map { (to, $0) } }, uniquingKeysWith: { first, _ in first })
    }
}

extension Dataset {
    /// The features by the names that `graph` has for the inputs of `other`: the same where all are known, else by position.
    package func renamed(from other: Graph, to graph: Graph) -> Dataset {
        let (names, others) = (graph.inputNames, other.inputNames)
        guard Set(names) != Set(others), names.count == others.count else { return self }
        var result = self
        for index in features.indices {
            if let place = others.firstIndex(of: features[index].name) { result.features[index].name = names[place] }
        }
        if let place = labelArray.flatMap({ others.firstIndex(of: $0.name) }) { result.labelArray?.name = names[place] }
        return result
    }
}
