import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTestSupport

/// Where an operator is said to keep samples apart, one at a time through its graph give what all at once do.
struct SampleLaws {
    @Test(arguments: OperatorSamples.all) func samplesOneByOneGiveTheSame(_ sample: OperatorSample) throws {
        for (count, graph) in sample.independentGraphs {
            let inputs = sample.fed(graph)
            let (whole, parts) = try (outputs(graph, inputs), outputs(graph, inputs, inPartsOf: count))
            for name in graph.outputs {
                guard let one = whole[name], let other = parts[name] else { Issue.record("\(sample): \(name)"); continue }
                #expect(one.shape == other.shape, "\(sample), \(count) samples")
                let scale = max(1e-6, one.doubles().map(abs).filter(\.isFinite).max() ?? 0)
                let apart = zip(one.doubles(), other.doubles()).contains { abs($0 - $1) > max(1e-5, sample.tolerance) * scale }
                #expect(!apart, "\(sample), \(count) samples")
            }
        }
    }

    /// The law above is about many operators.
    @Test func manyOperatorsKeepSamplesApart() {
        let types = Set(OperatorSamples.all.filter { !$0.independentGraphs.isEmpty }.map { "\($0.op.type)" })
        #expect(types.count > 100, "\(types.count)")
    }

    private func outputs(_ graph: Graph, _ inputs: [ValueName: Tensor], inPartsOf count: Int = 1) throws -> [ValueName: Tensor] {
        let axes = SampleAxes(of: graph)
        let options = SessionOptions(lowers: false)
        var shapes = inputs.mapValues(\.shape)
        let split = Set(shapes.keys.filter { axes.axis(ofInput: $0) == 0 })
        for name in split where count > 1 { shapes[name] = shapes[name].map { Shape([1] + $0.extents.dropFirst()) } }
        let part = try Plan(graph, inputShapes: shapes, options: options)
        let plan = count > 1 ? try #require(try Plan(repeating: part, count, splitting: split)) : part
        for (name, tensor) in inputs { try plan.setInput(name, tensor) }
        try plan.execute()
        return graph.outputs.reduce(into: [:]) { $0[$1] = plan.output($1) }
    }
}

extension OperatorSample {
    /// Graphs of the operator alone that keep so many samples apart.
    fileprivate var independentGraphs: [(count: Int, graph: Graph)] {
        let extents = Set(inputs.indices.compactMap { place in
            constants.contains(place) || lists.contains(place) ? nil : inputs[place]?.shape.extents.first
        })
        return extents.sorted().filter { (2...64).contains($0) }.compactMap { count in
            guard let graph = try? counting(count), SampleAxes(of: graph).areIndependent(in: graph) else { return nil }
            return (count, graph)
        }
    }

    /// A graph of the operator alone, whose inputs leave first axes of this extent open.
    fileprivate func counting(_ count: Int) throws -> Graph {
        let graph = try graph()
        return try graph.taking(
            graph.inputs.reduce(into: [:]) { types, input in
                guard var extents = input.type.extents, extents.first == .fixed(count) else { return }
                extents[0] = .symbol("N")
                types[input.name] = ValueType(input.type.elementType, extents)
            })
    }
}
