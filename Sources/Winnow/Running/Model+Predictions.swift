public import WinnowEngine
import WinnowGraph
public import WinnowTensor

extension Model {
    /// Which outputs no run gives, in words: those that are no numbers, such as the names of classes. nil where there are none.
    public var omittedOutputs: String? { graph.omittedOutputs }

    /// The outputs for all samples by name, in their order; what a model that takes no samples at a time gives of each comes in rows.
    /// Throws `.data` where samples do not fit, or give outputs of different shapes.
    public func run(on data: Dataset) throws -> [String: Tensor] {
        let data = try data.adapted(to: graph)
        let session = try Session(graph)
        let (axes, constants) = (SampleAxes(of: graph), graph.constantOrigins)
        let isSingle = data.takesSingleSamples
        // nil: there is none, and each run gives one sample's.
        func axis(_ name: String) -> Int? { axes.axis(ofOutput: name) ?? (isSingle ? nil : 0) }
        var (parts, order, results): ([String: [SampleRows]], [Int], [String: Tensor]) = ([:], [], [:])
        for batch in data.batches(of: 64, for: graph) {
            for (name, tensor) in try session.run(data.batch(at: batch.indices)).sorted(by: { $0.key < $1.key }) {
                // What depends on no sample is there once.
                if constants[name] != nil { results[name] = tensor; continue }
                let rows = try Self.rows(of: tensor, axis(name), count: batch.indices.count, name)
                guard parts[name].map({ $0[0].sampleShape == rows.sampleShape }) ?? true else { throw Self.uneven(name, tensor) }
                parts[name, default: []].append(batch.count == batch.indices.count ? rows : SampleRows(try rows.selecting(Array(0..<batch.count))))
            }
            order += batch.indices.prefix(batch.count)
        }
        // Samples of one shape were together.
        let places = order.indices.sorted { order[$0] < order[$1] }
        for (name, parts) in parts.sorted(by: { $0.key < $1.key }) {
            let rows = ConcatenatedRows(parts)
            guard rows.count == order.count else {
                throw WinnowError(.data, "output \(name)", "is not there for every sample", remedy: "run samples of one shape together")
            }
            let tensor = try SampleRows(rows).selecting(places)
            let axis = axis(name) ?? 0
            results[name] = axis == 0 ? tensor : tensor.transposed(Array(1...axis) + [0] + Array((axis + 1)..<tensor.rank))
        }
        return results
    }

    /// An output with samples first; `axis` of it counts them.
    private static func rows(of tensor: Tensor, _ axis: Int?, count: Int, _ name: String) throws -> SampleRows {
        guard let axis else { return SampleRows(tensor.reshaped([1] + tensor.shape)) }
        guard axis < tensor.rank, tensor.shape[axis] == count else { throw uneven(name, tensor) }
        return SampleRows(axis == 0 ? tensor : tensor.transposed([axis] + (0..<tensor.rank).filter { $0 != axis }))
    }

    private static func uneven(_ name: String, _ tensor: Tensor) -> WinnowError {
        guard tensor.rank > 0 else {
            return WinnowError(
                .data, "output \(name)", "is a single number for all samples together",
                remedy: "give them as arrays with --input, which runs all at once, or one alone")
        }
        return WinnowError(
            .data, "output \(name)", "is of shape \(tensor.shape), which does not tell samples apart or differs between them",
            remedy: "run samples of one shape, or one alone")
    }
}
