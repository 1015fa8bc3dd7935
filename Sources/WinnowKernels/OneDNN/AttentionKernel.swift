internal import WinnowTensor

/// softmax(scale · Q Kᵀ + mask) V in float32, block by block so that scores stay in the cache (Dao et al. 2022), prepared
/// once. Not for two threads at a time; shares the work among threads itself.
package final class AttentionKernel: @unchecked Sendable {
    /// What `AttentionGeometry` tells the places of.
    package struct Operands {
        package var query: UnsafePointer<Float>
        package var keys: UnsafePointer<Float>
        package var values: UnsafePointer<Float>
        package var mask: UnsafePointer<Float>?
        package var target: UnsafeMutablePointer<Float>

        package init(
            query: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>, mask: UnsafePointer<Float>?,
            target: UnsafeMutablePointer<Float>
        ) {
            (self.query, self.keys, self.values, self.mask, self.target) = (query, keys, values, mask, target)
        }
    }

    private let geometry: AttentionGeometry
    private let clearsBlindRows: Bool
    private let blocks: [AttentionBlock]
    private let blockRows: Int
    private let blockCount: Int
    private let starts: (query: [Int], key: [Int], value: [Int], target: [Int], mask: [Int])
    private let failures: PartFailures
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameter clearsBlindRows: whether queries that may look nowhere give zeros; else they give NaN.
    package init(
        _ geometry: AttentionGeometry, scale: Float = 1, clearsBlindRows: Bool = false, math: MathMode = .float32
    ) throws {
        self.geometry = geometry
        self.clearsBlindRows = clearsBlindRows
        let rowLimit = max(32, min(128, (1 << 15) / max(geometry.keyCount, 1)))
        blockCount = max(1, (geometry.queryCount + rowLimit - 1) / rowLimit)
        blockRows = (geometry.queryCount + blockCount - 1) / blockCount
        let units = geometry.batch.elementCount * blockCount
        let threads = geometry.isEmpty ? 0 : min(ThreadCount.worth(.products(geometry.productCount)), units)
        var blocks: [AttentionBlock] = []
        for _ in 0..<threads {
            blocks.append(try AttentionBlock(geometry, rows: blockRows, scale: scale, math: math))
        }
        self.blocks = blocks
        scratchByteCount = blocks.reduce(0) { $0 + $1.scratchByteCount }
        starts = (
            geometry.starts(geometry.query), geometry.starts(geometry.key), geometry.starts(geometry.value),
            geometry.starts(geometry.target), geometry.mask.map { geometry.starts($0) } ?? []
        )
        failures = PartFailures(threads)
    }

    package func run(_ operands: Operands, scratch: UnsafeMutableRawPointer?) throws {
        guard let scratch, let first = blocks.first else {
            // Without keys every sum is empty.
            return operands.target.update(repeating: 0, count: geometry.batch.elementCount * geometry.queryCount * geometry.width)
        }
        let units = geometry.batch.elementCount * blockCount
        let threads = blocks.count
        try failures.forParts { part in
            let range = (units * part / threads)..<(units * (part + 1) / threads)
            try attend(range, blocks[part], operands, scratch + part * first.scratchByteCount)
        }
    }

    /// The blocks `units`, counted through all matrices of the batch.
    private func attend(
        _ units: Range<Int>, _ block: AttentionBlock, _ operands: Operands, _ scratch: UnsafeMutableRawPointer
    ) throws {
        var taken = -1
        for unit in units {
            let (matrix, row) = (unit / blockCount, unit % blockCount * blockRows)
            if matrix != taken {
                try block.take(keys: operands.keys + starts.key[matrix], values: operands.values + starts.value[matrix], scratch)
                taken = matrix
            }
            let count = min(blockRows, geometry.queryCount - row)
            guard count > 0 else { continue }
            let maskRow = operands.mask.flatMap { mask in
                geometry.mask.map { mask + starts.mask[matrix] + row * $0.rowStride }
            }
            try block.run(
                operands.query + starts.query[matrix] + row * geometry.query.rowStride, count: count, mask: maskRow,
                clearsBlindRows: clearsBlindRows,
                to: operands.target + starts.target[matrix] + row * geometry.target.rowStride, scratch)
        }
    }
}
