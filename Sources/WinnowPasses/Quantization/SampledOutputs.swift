import WinnowEngine
import WinnowGraph
import WinnowTensor

/// What a model gives for some samples, to compare others with.
struct SampledOutputs {
    private let samples: Dataset
    private let names: [ValueName]
    /// By batch and output.
    private let outputs: [[[Double]]]

    init(of graph: Graph, on samples: Dataset) throws {
        self.samples = samples
        names = graph.outputs.filter { graph.infos[$0]?.elementType == .float32 && graph.infos[$0]?.type.isTensor == true }
        outputs = try Self.outputs(of: graph, names, samples)
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
        var sums = names.map { _ in PairSums() }
        for (own, others) in zip(outputs, try Self.outputs(of: graph, names, samples)) {
            for index in sums.indices { sums[index].add(others[index], from: own[index]) }
        }
        return sums.map { $0.noise > 0 ? $0.noise / $0.squares.a : 0 }.max() ?? 0
    }
}
