import WinnowEngine
import WinnowGraph
import WinnowTensor

/// Values of an objective that training does not change, such as a teacher's outputs: computed once for every sample, kept in mapped files, and
/// then read like arrays of the data.
struct KeptValues {
    /// The objective with inputs in the place of the values.
    let objective: Objective
    /// The data with an array for each of them.
    let data: Dataset
    /// What they depend on.
    let fingerprint: Fingerprint

    /// nil where nothing is won by it, or the samples' values depend on more than the samples: on what augmentation makes of them, on the
    /// company in which they come, on what is trained.
    init?(of trainer: Trainer, on data: Dataset) throws {
        let configuration = trainer.configuration
        guard configuration.keepsFixedValues, configuration.epochs > 1, !configuration.augmentation.isActive else { return nil }
        guard let (values, part) = try Self.fixedPart(of: trainer), data.features.allSatisfy(\.isUniform) else { return nil }
        let named = trainer.objective.named(data)
        let own = try trainer.objective.complete(named).adapted(to: part)
        // Results may depend on how many samples are computed at once.
        let size = min(configuration.partSize > 0 ? configuration.partSize : configuration.batchSize, data.count)
        fingerprint = try Fingerprint(models: [part], data: [own], settings: [values, ["\(size)"]], seed: 0)
        let run = try ValueRun(values, of: part, on: own, batchSize: size, trainer)
        guard let tensors = try run.tensors(fingerprint) else { return nil }
        var (edit, features) = (GraphEdit(), named.features)
        for (value, tensor) in zip(values, tensors) {
            let graph = trainer.objective.graph
            let name = graph.freshValueName("\(value).kept")
            edit.rewired[value] = name
            let extents = [graph.infos[value]?.extents?.first ?? .unknown] + tensor.shape.dropFirst().map { .fixed($0) }
            edit.addedInputs.append(GraphInput(name, ValueType(tensor.elementType, extents)))
            var feature = Dataset.Feature(name: name, tensor)
            feature.placement = .axis(0)
            features.append(feature)
        }
        var objective = trainer.objective
        objective.graph = try objective.graph.applying(edit).removingDeadNodes()
        self.objective = objective
        var kept = try Dataset(features, labels: data.labels)
        kept.labelArray = data.labelArray
        self.data = kept
    }

    /// The values that can be kept, and the part of the objective that computes them.
    private static func fixedPart(of trainer: Trainer) throws -> (values: [ValueName], part: Graph)? {
        let graph = trainer.objective.graph
        let known = trainer.objective.fixedValues.filter { graph.infos[$0]?.type.isTensor == true && graph.infos[$0]?.elementType == .float32 }
        var values: [ValueName] = []
        for value in known where !values.contains(value) { values.append(value) }
        func part(_ values: [ValueName]) throws -> Graph {
            var edit = GraphEdit()
            edit.outputs = values
            return try graph.applying(edit).removingDeadNodes().takingDefaults().trainingForm(frozen: trainer.frozen)
        }
        guard !values.isEmpty else { return nil }
        // Samples that do not lie along the first axis, or see each other, are left where they are.
        let axes = SampleAxes(of: try part(values))
        values = values.filter { axes.axis(ofOutput: $0) == 0 }
        guard !values.isEmpty else { return nil }
        let result = try part(values)
        let changed = trainer.hooks.reduce(into: Set(trainer.parameterOptions.keys)) { $0.formUnion($1.variables) }
        let trained = Set(result.trainableInitializers(trained: changed)).subtracting(trainer.frozen)
        return trained.isEmpty && result.updates.isEmpty ? (values, result) : nil
    }
}

/// Runs a graph over data and keeps what it gives.
private struct ValueRun {
    private let values: [ValueName]
    private let session: Session
    private let graph: Graph
    private let data: Dataset
    private let batchSize: Int
    private let trainer: Trainer

    init(_ values: [ValueName], of graph: Graph, on data: Dataset, batchSize: Int, _ trainer: Trainer) throws {
        (self.values, self.graph, self.data, self.batchSize, self.trainer) = (values, graph, data, batchSize, trainer)
        session = try Session(graph, options: trainer.options)
    }

    /// One for each value, (samples, …); nil where the disk has no room for them, or they are no rows of one shape.
    func tensors(_ fingerprint: Fingerprint) throws -> [Tensor]? {
        guard let shapes = try shapes() else { return nil }
        let files = try zip(values.indices, shapes).map { index, shape in
            try RowFile(
                trainer.state?.file("\(fingerprint.text)-\(index)"), rowByteCount: ElementType.float32.byteCount(of: shape.elementCount))
        }
        let byteCount = shapes.reduce(0) { $0 + data.count * ElementType.float32.byteCount(of: $1.elementCount) }
        guard let first = files.first, first.freeByteCount / 2 > byteCount else { return nil }
        let done = files.map(\.rowCount).min() ?? 0
        let start = ContinuousClock.now
        // Whole batches, as they were begun.
        for row in stride(from: min(done, data.count) / batchSize * batchSize, to: data.count, by: batchSize) {
            try trainer.cancellation?.check("training", isKept: trainer.state != nil)
            let count = min(batchSize, data.count - row)
            let plan = try plan(row, count)
            for (index, value) in values.enumerated() {
                try plan.withOutput(value) { bytes in
                    try files[index].write(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / batchSize * count)]), at: row)
                }
            }
            trainer.progress?(ProgressEvent("teacher", completed: row + count, of: data.count, unit: "samples", since: start))
        }
        return try zip(files, shapes).map { try $0.tensor(count: data.count, $1, .float32) }
    }

    /// The shape of one row of each value.
    private func shapes() throws -> [Shape]? {
        let plan = try plan(0, min(batchSize, data.count))
        var shapes: [Shape] = []
        for value in values {
            guard let shape = plan.shape(of: value), shape.rank > 0, shape[0] == batchSize, shape.elementCount > 0 else { return nil }
            shapes.append(Shape(Array(shape.dropFirst())))
        }
        return shapes
    }

    /// The samples from `row` on, executed; the last one fills up a batch that has not enough.
    private func plan(_ row: Int, _ count: Int) throws -> Plan {
        let indices = Array(row..<(row + count)) + [Int](repeating: row + count - 1, count: batchSize - count)
        let plan = try session.plan(for: Dataset.Batch(indices: indices, count: count), of: data)
        try plan.execute()
        return plan
    }
}
