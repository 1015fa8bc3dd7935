package import WinnowTensor

/// The matrices of one operand and where they lie, in elements of float32: one for each index of the batch axes.
package struct MatrixPlaces: Hashable, Sendable {
    package var rows: Int
    package var columns: Int
    package var offset: Int
    /// 0 where one matrix serves all indices of an axis.
    package var batchStrides: [Int]
    package var rowStride: Int
    package var columnStride: Int

    package init(rows: Int, columns: Int, offset: Int = 0, batchStrides: [Int], rowStride: Int, columnStride: Int) {
        self.rows = rows
        self.columns = columns
        self.offset = offset
        self.batchStrides = batchStrides
        self.rowStride = rowStride
        self.columnStride = columnStride
    }
}

/// The extents and places of softmax(scale · Q Kᵀ + mask) V.
package struct AttentionGeometry: Hashable, Sendable {
    package var batch: Shape
    /// Rows are queries, keys, keys, queries; a mask has a row for each query and a column for each key.
    package var query: MatrixPlaces
    package var key: MatrixPlaces
    package var value: MatrixPlaces
    package var target: MatrixPlaces
    package var mask: MatrixPlaces?

    package init(
        batch: Shape, query: MatrixPlaces, key: MatrixPlaces, value: MatrixPlaces, target: MatrixPlaces, mask: MatrixPlaces? = nil
    ) {
        self.batch = batch
        self.query = query
        self.key = key
        self.value = value
        self.target = target
        self.mask = mask
    }

    var queryCount: Int { query.rows }
    var keyCount: Int { key.rows }
    /// Columns of Q and K.
    var depth: Int { query.columns }
    /// Columns of V and of the result.
    var width: Int { value.columns }

    var isEmpty: Bool { batch.elementCount == 0 || queryCount == 0 || keyCount == 0 || depth == 0 || width == 0 }

    /// Whether keys and values are read so seldom, or are so few, that packing them would take longer than the products.
    var isReadOnce: Bool {
        key.columnStride == 1 && value.columnStride == 1
            && (queryCount <= 4 || queryCount * keyCount * (depth + width) <= 1 << 15)
    }

    var productCount: Int { batch.elementCount * queryCount * keyCount * (depth + width) }

    /// The first element of each matrix of `places`, in the order of the batch.
    func starts(_ places: MatrixPlaces) -> [Int] {
        var starts = [places.offset]
        for (extent, stride) in zip(batch.extents, places.batchStrides) {
            starts = starts.flatMap { start in (0..<extent).map { start + $0 * stride } }
        }
        return starts
    }
}
