internal import COneDNN
internal import CWinnowKernels
internal import WinnowTensor

/// What one thread needs to attend from a block of queries to all keys of a matrix: primitives carry the pointers of a run.
final class AttentionBlock: @unchecked Sendable {
    private let geometry: AttentionGeometry
    private let scale: Float
    private let rows: Int
    /// nil where there are too few queries to pack keys and values for.
    private let scores: PackedProduct?
    private let sums: PackedProduct?
    private var keys: UnsafePointer<Float>?
    private var values: UnsafePointer<Float>?
    private let queryOffset: Int
    private let scoreOffset: Int
    private let resultOffset: Int
    let scratchByteCount: Int

    init(_ geometry: AttentionGeometry, rows: Int, scale: Float, math: MathMode) throws {
        self.geometry = geometry
        self.scale = scale
        self.rows = rows
        var scratch = ScratchLayout()
        let keys = try MemoryDescriptor(
            [geometry.depth, geometry.keyCount], .float32, strides: [geometry.key.columnStride, geometry.key.rowStride])
        let values = try MemoryDescriptor(
            [geometry.keyCount, geometry.width], .float32, strides: [geometry.value.rowStride, geometry.value.columnStride])
        let packs = !geometry.isReadOnce
        scores = packs ? try PackedProduct(rows: rows, geometry.depth, geometry.keyCount, right: keys, math: math, &scratch) : nil
        sums = packs ? try PackedProduct(rows: rows, geometry.keyCount, geometry.width, right: values, math: math, &scratch) : nil
        queryOffset = scratch.reserve(rows * geometry.depth, of: .float32)
        scoreOffset = scratch.reserve(rows * geometry.keyCount, of: .float32)
        resultOffset = scratch.reserve(rows * geometry.width, of: .float32)
        scratchByteCount = scratch.byteCount
    }

    /// Takes the keys and values of one matrix, for the blocks that follow; they must stay until then.
    func take(keys: UnsafePointer<Float>, values: UnsafePointer<Float>, _ scratch: UnsafeMutableRawPointer) throws {
        (self.keys, self.values) = (keys, values)
        try scores?.take(keys, scratch)
        try sums?.take(values, scratch)
    }

    /// Attends from `count` queries, at most a block. A mask's first row is the first query's.
    func run(
        _ query: UnsafePointer<Float>, count: Int, mask: UnsafePointer<Float>?, clearsBlindRows: Bool,
        to target: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutableRawPointer
    ) throws {
        let left = (scratch + queryOffset).assumingMemoryBound(to: Float.self)
        let weights = (scratch + scoreOffset).assumingMemoryBound(to: Float.self)
        let result = (scratch + resultOffset).assumingMemoryBound(to: Float.self)
        for row in 0..<count {
            copyRow(query + row * geometry.query.rowStride, geometry.query.columnStride, left + row * geometry.depth, 1, geometry.depth, scale)
        }
        if let scores { try scores.run(left, to: weights, scratch) } else if let keys {
            for row in 0..<count {
                winnow_scores(
                    left + row * geometry.depth, keys, geometry.key.rowStride, geometry.keyCount, geometry.depth,
                    weights + row * geometry.keyCount)
            }
        }
        winnow_softmax(
            weights, weights, count, geometry.keyCount, mask, geometry.mask?.rowStride ?? 0, geometry.mask?.columnStride ?? 1,
            clearsBlindRows ? 1 : 0)
        if let sums { try sums.run(weights, to: result, scratch) } else if let values {
            for row in 0..<count {
                winnow_weighted_sum(
                    weights + row * geometry.keyCount, values, geometry.value.rowStride, geometry.keyCount, geometry.width,
                    result + row * geometry.width)
            }
        }
        for row in 0..<count {
            copyRow(result + row * geometry.width, 1, target + row * geometry.target.rowStride, geometry.target.columnStride, geometry.width, 1)
        }
    }

    @inline(__always)
    private func copyRow(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        _ count: Int, _ factor: Float
    ) {
        if sourceStep == 1 && targetStep == 1 {
            for i in 0..<count { target[i] = source[i] * factor }
        } else {
            for i in 0..<count { target[i * targetStep] = source[i * sourceStep] * factor }
        }
    }
}
