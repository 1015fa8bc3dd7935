package import WinnowTensor

/// Samples of one shape in files, read when they are asked for: any of them, in any order, on any thread.
package protocol SampleSource: Sendable {
    var count: Int { get }
    /// The shape of one sample.
    var sampleShape: Shape { get }
    /// A type of whole bytes.
    var elementType: ElementType { get }

    /// One sample, (1, …`sampleShape`). Throws `.file` or `.data` where it cannot be read any more, or is another now.
    func sample(at row: Int) throws -> Tensor
}

/// The samples of several groups of rows one after the other, as if they lay in one: shards.
package struct ConcatenatedRows: SampleSource {
    private let shards: [SampleRows]
    private let starts: [Int]
    package let count: Int

    /// - Parameter shards: at least one; all with one element type and shape of samples.
    package init(_ shards: [SampleRows]) {
        self.shards = shards
        var starts: [Int] = []
        count = shards.reduce(0) { start, shard in
            starts.append(start)
            return start + shard.count
        }
        self.starts = starts
    }

    package var sampleShape: Shape { shards.first?.sampleShape ?? [] }
    package var elementType: ElementType { shards.first?.elementType ?? .float32 }

    package func sample(at row: Int) throws -> Tensor {
        // The last shard that begins at or before the row.
        var (low, high) = (0, starts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= row { low = middle } else { high = middle }
        }
        let (tensor, own) = try shards[low].row(row - starts[low])
        return tensor.rows(own..<(own + 1))
    }
}
