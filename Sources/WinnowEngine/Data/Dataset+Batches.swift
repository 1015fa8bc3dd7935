package import WinnowGraph
package import WinnowTensor

extension Dataset {
    /// Samples of one shape that one execution takes.
    package struct Batch: Sendable {
        /// Where they are; what goes beyond `count` repeats the last one, for models with a fixed batch.
        package var indices: [Int]
        package var count: Int

        package init(indices: [Int], count: Int) { (self.indices, self.count) = (indices, count) }
    }

    /// All samples in batches of at most `size`, or of as many as `graph` fixes; those of one shape together.
    package func batches(of size: Int, for graph: Graph) -> [Batch] {
        let fixed = fixedBatchSize(for: graph)
        let size = max(1, fixed ?? size)
        return samplesByShape.flatMap { samples in
            stride(from: 0, to: samples.count, by: size).map { start in
                let own = Array(samples[start..<min(start + size, samples.count)])
                let missing = fixed == nil ? 0 : size - own.count
                return Batch(indices: own + [Int](repeating: own[own.count - 1], count: missing), count: own.count)
            }
        }
    }

    /// Whether the model takes one sample at a time, for none of its axes, or not all that differs, counts them.
    package var takesSingleSamples: Bool {
        features.contains { $0.placement == .whole } || !features.contains(where: \.countsSamples)
    }

    /// How many samples `graph` takes at a time; nil: any number.
    package func fixedBatchSize(for graph: Graph) -> Int? {
        if features.contains(where: { $0.placement == .whole }) { return 1 }
        return graph.fixedBatchSize ?? graph.batchSizeInside { takes($0, graph) }
    }

    /// Whether so many samples go through a graph; some name an extent as if any number did, and fix it inside.
    private func takes(_ count: Int, _ graph: Graph) -> Bool {
        (try? graph.inferInfos(inputShapes: batchShapes(count: count, like: 0))) != nil
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

extension Session {
    /// The plan for a batch with the samples in its inputs.
    package func plan(for batch: Dataset.Batch, of data: Dataset) throws -> Plan {
        let plan = try plan(for: data.shapes(of: batch))
        for feature in data.features {
            try plan.withInput(feature.name) { bytes in
                if let base = bytes.baseAddress { try feature.write(samplesAt: batch.indices[...], to: base) }
            }
            // Those that most likely come next are read while the plan runs.
            let next = (batch.indices.last ?? -1) + 1
            feature.expect(next..<max(next, min(next + batch.indices.count, data.count)))
        }
        return plan
    }
}
