import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Builds a graph with `build`, runs it on `inputs` and gives all outputs.
func run(
    _ inputs: [(ValueName, Tensor)], extents: [ValueName: [Extent]] = [:], lowers: Bool = true,
    _ build: (GraphBuilder) throws -> [ValueName]
) throws -> [Tensor] {
    let builder = GraphBuilder("test")
    for (name, tensor) in inputs {
        _ = try builder.input(name, tensor.elementType, extents[name] ?? tensor.shape.map { .fixed($0) })
    }
    let outputs = try build(builder)
    let graph = try builder.graph(outputs: outputs)
    let session = try Session(graph, options: SessionOptions(lowers: lowers))
    let results = try session.run(Dictionary(uniqueKeysWithValues: inputs))
    return try outputs.map { name in
        guard let tensor = results[name] else { throw WinnowError(.model, name, "is no output") }
        return tensor
    }
}

/// The operators a graph executes after lowering.
func loweredOperators(_ builder: GraphBuilder, outputs: [ValueName]) throws -> [String] {
    try builder.graph(outputs: outputs).lowered().nodes.map { $0.op.type.name }
}

func random(_ shape: Shape, seed: UInt64, in range: ClosedRange<Float> = -1...1) -> Tensor {
    var generator = RandomGenerator(seed: seed)
    let values = (0..<shape.elementCount).map { _ in
        range.lowerBound + (range.upperBound - range.lowerBound) * Float(generator.next() >> 40) / Float(1 << 24)
    }
    return Tensor(values, shape: shape)
}

func largestDifference(_ a: Tensor, _ b: Tensor) -> Double {
    zip(a.doubles(), b.doubles()).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
}
