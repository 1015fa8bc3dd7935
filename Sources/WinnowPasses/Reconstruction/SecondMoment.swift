package import WinnowKernels
import WinnowTensor

/// H = XᵀX of the rows that some of a weight's columns are multiplied with, for each group of inputs, so that another weight can
/// be judged, and fitted, by what it does to the outputs: ‖X·(Ŵ − W)ᵀ‖² = Σ_outputs δ·H·δᵀ.
package struct SecondMoment: Sendable {
    package let groupCount: Int
    /// groups · depth × depth
    package let matrix: Matrix<Float>
    /// The mean row of each group.
    package let mean: [Double]
    package let rowCount: Int

    package init(groupCount: Int = 1, matrix: Matrix<Float>, mean: [Double], rowCount: Int) {
        (self.groupCount, self.matrix, self.mean, self.rowCount) = (groupCount, matrix, mean, rowCount)
    }

    /// H of one group.
    package func group(_ index: Int) -> SecondMoment {
        if groupCount == 1 { return self }
        let depth = matrix.columns
        let rows = (index * depth)..<((index + 1) * depth)
        return SecondMoment(matrix: matrix[rows: rows], mean: Array(mean[rows]), rowCount: rowCount)
    }

    /// δ·H of every row of a change.
    package func product(_ difference: Matrix<Float>) throws -> Matrix<Float> {
        try difference.batchedProduct(matrix, batches: groupCount)
    }

    /// The mean square that each output moves by when the weight, outputs × depth, changes by so much.
    package func rowErrors(of difference: Matrix<Float>) throws -> [Double] {
        let (products, moves, width) = (try product(difference).elements, difference.elements, difference.columns)
        return (0..<difference.rows).map { row in
            var sum = 0.0
            for index in (row * width)..<((row + 1) * width) { sum += Double(products[index]) * Double(moves[index]) }
            return sum / Double(max(1, rowCount))
        }
    }

    /// The mean square that each row of outputs moves by.
    package func error(of difference: Matrix<Float>) -> Double { ((try? rowErrors(of: difference)) ?? []).reduce(0, +) }

    /// The upper triangle U of (H + λ·mean diag H)⁻¹ = UᵀU, by columns in this order; inputs that are always 0 count as if they
    /// were independent of all others, with a 1 on the diagonal of (2/n)H. Not for several groups.
    package func inverseFactor(damping: Double, order: [Int]? = nil) throws -> Matrix<Float> {
        let (depth, own) = (matrix.columns, matrix.elements)
        // Backwards, so that the lower factor of this is, turned round, an upper one of H: H = RRᵀ and U = R⁻¹.
        let order = Array((order ?? Array(0..<depth)).reversed())
        var hessian = [Double](repeating: 0, count: depth * depth)
        for row in 0..<depth {
            for column in 0...row { hessian[row * depth + column] = Double(own[order[row] * depth + order[column]]) }
        }
        let diagonal = (0..<depth).map { $0 * (depth + 1) }
        for place in diagonal where hessian[place] == 0 { hessian[place] = Double(max(1, rowCount)) / 2 }
        let mean = diagonal.reduce(0) { $0 + hessian[$1] } / Double(max(1, depth))
        for place in diagonal { hessian[place] += damping * mean }
        let lower = try CholeskyFactor(Matrix(hessian, rows: depth, columns: depth)).lower
        let inverse = try lower.triangularInverse(lower: true).elements
        var factor = [Float](repeating: 0, count: depth * depth)
        let last = depth * depth - 1
        for row in 0..<depth {
            for place in (row * depth + row)..<((row + 1) * depth) { factor[place] = Float(inverse[last - place]) }
        }
        return Matrix(factor, rows: depth, columns: depth)
    }
}
