internal import WinnowTensor

/// Products of float32 matrices in memory, several at once, by oneDNN.
package enum DenseProduct {
    /// target = left · right, dense, for each of the batches that the geometry has.
    package static func run(
        _ geometry: MatMulGeometry, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>,
        to target: UnsafeMutablePointer<Float>
    ) throws {
        let kernel = try MatMulKernel(geometry)
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: max(64, kernel.scratchByteCount), alignment: 64)
        defer { scratch.deallocate() }
        try kernel.run(left: left, right: right, target: target, scratch: scratch)
    }

    /// sums[g] += X·Yᵀ of blocks X and Y of `count` elements for each of `depth` inputs, in `groups`; `isRowMajor`: of blocks
    /// count × depth XᵀY. Without another Y is X.
    package static func addGram(
        of blocks: UnsafePointer<Float>, by others: UnsafePointer<Float>? = nil, groups: Int, depth: Int, count: Int,
        isRowMajor: Bool, to sums: inout [Float]
    ) {
        let shape: Shape = isRowMajor ? [groups, count, depth] : [groups, depth, count]
        let geometry = MatMulGeometry(left: shape, right: shape, transposesLeft: isRowMajor, transposesRight: !isRowMajor)
        var product = [Float](repeating: 0, count: groups * depth * depth)
        let isDone: Void? = product.withUnsafeMutableBufferPointer { product in
            product.baseAddress.flatMap { try? run(geometry, blocks, others ?? blocks, to: $0) }
        }
        guard isDone != nil else { return }
        sums.withUnsafeMutableBufferPointer { sums in
            product.withUnsafeBufferPointer { product in for index in sums.indices { sums[index] += product[index] } }
        }
    }
}

extension Matrix<Float> {
    /// The products of `batches` matrices, as many rows each, with as many others, below each other.
    package func batchedProduct(_ other: Matrix, batches: Int) throws -> Matrix {
        var result = Matrix(zeros: rows, other.columns)
        guard !elements.isEmpty, !other.elements.isEmpty else { return result }
        let geometry = MatMulGeometry(
            left: [batches, rows / batches, columns], right: [batches, other.rows / batches, other.columns])
        try elements.withUnsafeBufferPointer { left in
            try other.elements.withUnsafeBufferPointer { right in
                try result.elements.withUnsafeMutableBufferPointer { target in
                    guard let x = left.baseAddress, let y = right.baseAddress, let z = target.baseAddress else { return }
                    try DenseProduct.run(geometry, x, y, to: z)
                }
            }
        }
        return result
    }

    /// Some of the columns.
    package subscript(columns range: Range<Int>) -> Matrix {
        if range == 0..<columns { return self }
        let parts = (0..<rows).flatMap { elements[($0 * columns + range.lowerBound)..<($0 * columns + range.upperBound)] }
        return Matrix(parts, rows: rows, columns: range.count)
    }

    /// Takes a row, from column `start` on, from another matrix, whose columns these are.
    package mutating func setRow(_ row: Int, from start: Int = 0, of other: Matrix) {
        let (to, from) = (row * columns + start, row * other.columns)
        elements.withUnsafeMutableBufferPointer { target in
            other.elements.withUnsafeBufferPointer { source in
                for index in 0..<other.columns { target[to + index] = source[from + index] }
            }
        }
    }

    /// Some of the rows.
    package subscript(rows range: Range<Int>) -> Matrix {
        Matrix(Array(elements[(range.lowerBound * columns)..<(range.upperBound * columns)]), rows: range.count, columns: columns)
    }
}
