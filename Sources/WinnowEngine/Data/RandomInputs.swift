package import WinnowGraph
package import WinnowTensor

/// Seeded inputs for models without data: normal floats, small non-negative integers.
package struct RandomInputs {
    private var generator: RandomGenerator

    package init(seed: UInt64) { generator = RandomGenerator(seed: seed) }

    /// One tensor for each input that must be supplied. Throws where neither the graph nor `shapes` tell an extent but the batch.
    package func inputs(for graph: Graph, batchSize: Int, shapes: InputShapes = InputShapes()) throws -> [String: Tensor] {
        var random = self
        let shapes = try shapes.completed(for: graph, batchSize: batchSize)
        return Dictionary(
            try graph.requiredInputs.compactMap { input in
                guard let shape = shapes[input.name] else { return nil }
                try MemoryBudget.check(ElementType.float64.byteCount(of: shape.elementCount), for: "input \(input.name)")
                let values = (0..<shape.elementCount).map { _ in
                    input.type.elementType.isFloatingPoint
                        ? Double(random.generator.normal()) : Double(random.generator.next() % 2)
                }
                return (input.name, Tensor(values, shape: shape, as: input.type.elementType))
            }, uniquingKeysWith: { first, _ in first })
    }
}
