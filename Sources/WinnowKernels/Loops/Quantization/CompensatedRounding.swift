internal import CWinnowKernels
internal import WinnowTensor

/// Columns of a matrix rounded one after the other, each made up for by those after it (GPTQ; Frantar et al. 2022,
/// algorithm 1): what comes from columns of earlier blocks reaches a block as one product.
package struct CompensatedRounding {
    /// The upper triangle U of H⁻¹ = UᵀU, columns × columns.
    private let factor: Matrix<Float>
    /// (w − ŵ) / Uᵢᵢ of the columns done, columns × rows.
    private var errors: Matrix<Float>
    package private(set) var matrix: Matrix<Float>

    package init(_ matrix: Matrix<Float>, _ factor: Matrix<Float>) {
        (self.matrix, self.factor) = (matrix, factor)
        errors = Matrix(zeros: matrix.columns, matrix.rows)
    }

    /// Some columns less what the columns before them cost.
    package func settled(_ columns: Range<Int>) throws -> Matrix<Float> {
        let (rows, width, start) = (matrix.rows, columns.count, columns.lowerBound)
        var block = matrix[columns: columns]
        guard start > 0, rows > 0 else { return block }
        let part = factor[rows: 0..<start][columns: columns]
        var product = [Float](repeating: 0, count: rows * width)
        let geometry = MatMulGeometry(left: [start, rows], right: [start, width], transposesLeft: true)
        try product.withUnsafeMutableBufferPointer { product in
            guard let product = product.baseAddress else { return }
            try DenseProduct.run(geometry, errors.elements, part.elements, to: product)
        }
        for index in product.indices { block.elements[index] -= product[index] }
        return block
    }

    /// Rounds columns that `settled` gave.
    package mutating func round(_ settled: Matrix<Float>, at columns: Range<Int>, _ grid: RoundingGrid) {
        var block = settled
        let (width, rows, total) = (columns.count, matrix.rows, matrix.columns)
        let own = factor[rows: columns][columns: columns]
        block.elements.withUnsafeMutableBufferPointer { block in
            errors.elements.withUnsafeMutableBufferPointer { errors in
                guard let values = block.baseAddress, let errors = errors.baseAddress else { return }
                let costs = errors + columns.lowerBound * rows
                grid.withPointers { scales, zeros in
                    own.elements.withUnsafeBufferPointer { own in
                        guard let own = own.baseAddress else { return }
                        Parallel.forEach(rows, minimum: 1 + 100_000 / max(1, width * width)) { row in
                            winnow_round_compensated(
                                values + row * width, width, own, costs + row, rows, scales + row * width, zeros + row * width,
                                grid.low, grid.high)
                        }
                    }
                }
            }
        }
        for row in 0..<rows {
            let start = row * total + columns.lowerBound
            for column in 0..<width { matrix.elements[start + column] = block.elements[row * width + column] }
        }
    }
}
