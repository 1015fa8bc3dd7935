import WinnowEngine
import WinnowGraph
import WinnowTensor

/// What a block takes, of a model that has changed before it, and what it gave before.
struct BlockSamples {
    struct Goal {
        let output: ValueName
        let name: ValueName
        let extents: [Extent]
    }

    /// The block by itself.
    let graph: Graph
    let goals: [Goal]
    /// Its inputs, and the goals by their names.
    let data: Dataset

    /// Samples are kept up to so many bytes.
    private static let byteLimit = 400 << 20

    /// nil where values are no float32 with samples of one shape along the first axis.
    init?(_ block: GraphBlock, _ original: Graph, _ changed: Graph, _ context: PassContext, sampleCount: Int) throws {
        let whole = try context.calibrationData(for: original).drawn(sampleCount, seed: context.seed)
        let computed = block.inputs.filter { !original.inputNames.contains($0) }
        guard (computed + block.outputs).allSatisfy({ original.infos[$0]?.elementType == .float32 }), !block.outputs.isEmpty
        else { return nil }
        var kept = KeptSamples()
        let sessions = try [(changed, computed), (original, block.outputs)].map { graph, values -> Session? in
            var edit = GraphEdit()
            edit.outputs = values
            return values.isEmpty ? nil : try Session(graph.applying(edit).removingDeadNodes())
        }
        var count = 0
        for batch in whole.batches(of: 8, for: original) where batch.count == batch.indices.count {
            try context.cancellation?.check("calibration")
            for (prefix, session, values) in [("in ", sessions[0], computed), ("out ", sessions[1], block.outputs)] {
                guard let session else { continue }
                let plan = try session.plan(for: batch, of: whole)
                try plan.execute()
                for value in values {
                    guard let shape = plan.shape(of: value), shape.rank > 0, shape[0] == batch.count else { return nil }
                    let isKept = plan.withOutput(value) { kept.add($0, shape, as: prefix + value) }
                    guard isKept == true else { return nil }
                }
            }
            count += batch.count
            if kept.byteCount > Self.byteLimit { break }
        }
        guard count > 1 else { return nil }
        let batch: Extent = original.fixedBatchSize.map { Extent.fixed($0) } ?? "N"
        goals = block.outputs.enumerated().map { index, output in
            let shape = kept.tensor("out " + output).shape
            return Goal(output: output, name: "goal \(index)", extents: [batch] + shape.dropFirst().map { .fixed($0) })
        }
        let given = whole.selecting(Array(0..<count)).features
            + computed.map { Dataset.Feature(name: GraphBlock.name(of: $0, in: original), kept.tensor("in " + $0)) }
        let types = computed.map { value in
            (value, ValueType(.float32, [batch] + kept.tensor("in " + value).shape.dropFirst().map { .fixed($0) }))
        }
        graph = try block.graph(of: original, types: Dictionary(types, uniquingKeysWith: { first, _ in first }))
        let read = Set(graph.inputNames)
        let wanted = goals.map { Dataset.Feature(name: $0.name, kept.tensor("out " + $0.output)) }
        data = try Dataset(given.filter { read.contains($0.name) } + wanted)
    }

    /// The mean square by which outputs differ from what they were, summed over outputs, with these weights.
    func error(_ weights: [ValueName: Tensor], _ context: PassContext) throws -> Double {
        let changed = try graph.settingInitializers(weights.filter { graph.initializers[$0.key] != nil })
        let session = try Session(changed)
        let inputs = Set(graph.inputNames)
        var own = data
        own.features = data.features.filter { inputs.contains($0.name) }
        var (sum, count) = (0.0, 0)
        for batch in own.batches(of: 16, for: graph) {
            try context.cancellation?.check("calibration")
            let plan = try session.plan(for: batch, of: own)
            try plan.execute()
            let wanted = try data.batch(at: Array(batch.indices))
            for goal in goals {
                guard let output = plan.output(goal.output)?.floats(), let wanted = wanted[goal.name]?.floats() else { continue }
                let total = zip(output, wanted).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
                sum += total / Double(max(1, wanted.count)) * Double(batch.indices.count)
            }
            count += batch.indices.count
        }
        return sum / Double(max(1, count))
    }
}

/// Values of batches one after the other.
private struct KeptSamples {
    private var values: [String: (shape: Shape, elements: [Float])] = [:]

    var byteCount: Int { values.values.reduce(0) { $0 + 4 * $1.elements.count } }

    /// false where samples have another shape than those before.
    mutating func add(_ bytes: UnsafeRawBufferPointer, _ shape: Shape, as name: String) -> Bool {
        let elements = bytes.bindMemory(to: Float.self)
        guard var known = values.removeValue(forKey: name) else {
            values[name] = (shape, Array(elements))
            return true
        }
        guard known.shape.dropFirst().elementsEqual(shape.dropFirst()) else { return false }
        known.elements.append(contentsOf: elements)
        values[name] = known
        return true
    }

    func tensor(_ name: String) -> Tensor {
        guard let (shape, elements) = values[name] else { return Tensor([Float]()) }
        let inner = shape.dropFirst().reduce(1, *)
        return Tensor(elements, shape: Shape([elements.count / max(1, inner)] + shape.dropFirst()))
    }
}
