import WinnowEngine
import WinnowGraph
import WinnowTensor

/// What a model gives for some samples, to compare others with: of outputs that cannot be compared, what determines them.
struct SampledOutputs {
    private let samples: Dataset
    private let names: [ValueName]
    /// The model's outputs; nil: the names are among them.
    private let replaced: Set<ValueName>?
    /// By batch and output.
    private let outputs: [[[Double]]]

    init(of graph: Graph, on samples: Dataset) throws {
        self.samples = samples
        let measured = try graph.givingComparableOutputs()
        names = measured.outputs.filter { graph.infos[$0]?.elementType == .float32 && graph.infos[$0]?.type.isTensor == true }
        replaced = measured.outputs == graph.outputs ? nil : Set(graph.outputs)
        outputs = try Self.outputs(of: measured, names, samples)
    }

    private static func outputs(of graph: Graph, _ names: [ValueName], _ samples: Dataset) throws -> [[[Double]]] {
        let session = try Session(graph)
        return try samples.batches(of: 8, for: graph).map { batch in
            let plan = try session.plan(for: batch, of: samples)
            try plan.execute()
            return names.map { plan.output($0)?.doubles() ?? [] }
        }
    }

    /// The largest part of an output's energy by which another model's outputs differ.
    func noise(of graph: Graph) throws -> Double {
        var (graph, names) = (graph, names)
        if let replaced {
            names = graph.namesOfNumbers(names, besides: replaced)
            graph = try graph.giving(names)
        }
        var sums = names.map { _ in PairSums() }
        for (own, others) in zip(outputs, try Self.outputs(of: graph, names, samples)) {
            for index in sums.indices { sums[index].add(others[index], from: own[index]) }
        }
        return sums.map { $0.noise > 0 ? $0.noise / $0.squares.a : 0 }.max() ?? 0
    }
}
