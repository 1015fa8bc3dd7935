package import WinnowGraph
package import WinnowTensor

extension Dataset {
    /// Samples of one shape that one execution takes.
    package struct Batch: Sendable {
        /// Where they are; what goes beyond `count` repeats the last one, for models with a fixed batch.
        package var indices: [Int]
        package var count: Int
    }

    /// All samples in batches of at most `size`, or of as many as `graph` fixes; those of one shape together.
    package func batches(of size: Int, for graph: Graph) -> [Batch] {
        let fixed = graph.fixedBatchSize
        let size = max(1, fixed ?? size)
        return samplesByShape.flatMap { samples in
            stride(from: 0, to: samples.count, by: size).map { start in
                let own = Array(samples[start..<min(start + size, samples.count)])
                let missing = fixed == nil ? 0 : size - own.count
                return Batch(indices: own + [Int](repeating: own[own.count - 1], count: missing), count: own.count)
            }
        }
    }

    private var samplesByShape: [[Int]] {
        guard features.contains(where: { !$0.isUniform }) else { return [Array(0..<count)] }
        let groups = Dictionary(grouping: 0..<count) { index in features.map { $0.sampleShape(at: index) } }
        return groups.values.sorted { $0[0] < $1[0] }
    }

    /// The input shapes of a batch.
    package func shapes(of batch: Batch) -> [ValueName: Shape] {
        batchShapes(count: batch.indices.count, like: batch.indices.first ?? 0)
    }
}

extension Graph {
    /// The extent that the first input fixes for its first axis.
    package var fixedBatchSize: Int? { requiredInputs.first?.type.extents?.first?.value }
}

extension Session {
    /// The plan for a batch with the samples in its inputs.
    package func plan(for batch: Dataset.Batch, of data: Dataset) throws -> Plan {
        let plan = try plan(for: data.shapes(of: batch))
        for feature in data.features {
            plan.withInput(feature.name) { bytes in
                if let base = bytes.baseAddress { feature.write(samplesAt: batch.indices[...], to: base) }
            }
        }
        return plan
    }
}
