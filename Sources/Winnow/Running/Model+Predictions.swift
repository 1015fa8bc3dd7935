public import WinnowEngine
import WinnowGraph
public import WinnowTensor

extension Model {
    /// The outputs for all samples by name, in their order. Throws `.data` where samples do not fit, or give outputs of different shapes.
    public func run(on data: Dataset) throws -> [String: Tensor] {
        let data = try data.adapted(to: graph)
        let session = try Session(graph)
        var (parts, order): ([String: [SampleRows]], [Int]) = ([:], [])
        for batch in data.batches(of: 64, for: graph) {
            for (name, tensor) in try session.run(data.batch(at: batch.indices)) {
                guard tensor.rank > 0, tensor.shape[0] == batch.indices.count, parts[name].map({ $0[0].sampleShape == SampleRows(tensor).sampleShape }) ?? true else {
                    throw WinnowError(.data, "output \(name)", "is \(tensor.shape), not the same for every sample", remedy: "run samples of one shape together")
                }
                parts[name, default: []].append(batch.count == batch.indices.count ? SampleRows(tensor) : SampleRows(try SampleRows(tensor).selecting(Array(0..<batch.count))))
            }
            order += batch.indices.prefix(batch.count)
        }
        // Samples of one shape were together.
        let places = order.indices.sorted { order[$0] < order[$1] }
        return try Dictionary(uniqueKeysWithValues: parts.map { name, parts in
            let rows = ConcatenatedRows(parts)
            guard rows.count == order.count else {
                throw WinnowError(.data, "output \(name)", "is not there for every sample", remedy: "run samples of one shape together")
            }
            return (name, try SampleRows(rows).selecting(places))
        })
    }
}
