package import WinnowKernels
import WinnowTensor

extension SecondMoment {
    /// The weight, outputs × depth, that comes nearest to the outputs of `former` with no more than the elements that stay: for
    /// each output, w_S + δ with δ = (H_SS + λ·mean diag H_SS)⁻¹ H_SP·w_P, S the inputs that stay and P those that go.
    package func leastSquares(
        _ former: Matrix<Float>, keeping stays: (_ row: Int, _ column: Int) -> Bool, damping: Double = 0.01
    ) throws -> Matrix<Float> {
        var rows: [[Bool]: [Int]] = [:]
        for row in 0..<former.rows { rows[(0..<former.columns).map { stays(row, $0) }, default: []].append(row) }
        var result = Matrix<Float>(zeros: former.rows, former.columns)
        for (places, rows) in rows {
            let (kept, gone) = (places.indices.filter { places[$0] }, places.indices.filter { !places[$0] })
            for row in rows { for column in kept { result[row, column] = former[row, column] } }
            guard !kept.isEmpty, !gone.isEmpty else { continue }
            let shares = try shares(of: gone.map { column in rows.map { former[$0, column] } }, at: gone, for: kept, damping)
            for (index, row) in rows.enumerated() {
                for (place, column) in kept.enumerated() { result[row, column] += Float(shares[place, index]) }
            }
        }
        return result
    }

    /// What the inputs that stay take over of those that go; `weights` has a row for each input that goes.
    private func shares(of weights: [[Float]], at gone: [Int], for kept: [Int], _ damping: Double) throws -> Matrix<Double> {
        var hessian = part(kept, kept)
        let mean = kept.indices.reduce(0) { $0 + hessian[$1, $1] } / Double(kept.count)
        for index in kept.indices { hessian[index, index] += mean > 0 ? damping * mean : 1 }
        let lost = Matrix(weights.flatMap { $0.map { Double($0) } }, rows: gone.count, columns: weights[0].count)
        return try CholeskyFactor(hessian).solve(part(kept, gone) * lost)
    }

    private func part(_ rows: [Int], _ columns: [Int]) -> Matrix<Double> {
        Matrix(rows.flatMap { row in columns.map { Double(matrix[row, $0]) } }, rows: rows.count, columns: columns.count)
    }
}
