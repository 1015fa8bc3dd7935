package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// What a layer's outputs need of its weight: the second moment H = XᵀX of the rows it is multiplied with, so that another weight can
/// be judged, and fitted, by what it does to the outputs: ‖X·(Ŵ − W)ᵀ‖² = Σ_outputs δ·H·δᵀ.
package struct LayerReconstruction: Sendable {
    package let contraction: Contraction
    /// depth × depth
    package let moment: Matrix<Float>
    /// The mean row.
    package let mean: [Double]
    package let rowCount: Int

    /// Layers of more inputs and taps are left out: H would take more than 256 MB.
    private static let depthLimit = 8192

    /// One for each layer whose inputs the calibration data tells, by its weight's name: one run over the data for as many layers as fit
    /// into a gigabyte.
    package static func gather(
        for targets: [WeightTarget], in graph: Graph, _ context: PassContext, sampleCount: Int, depthLimit: Int = depthLimit
    ) throws -> [ValueName: LayerReconstruction] {
        let contractions = targets.compactMap { $0.sites.first.flatMap { Contraction($0, in: graph) } }
            .filter { $0.depth <= depthLimit && graph.infos[$0.data]?.elementType == .float32 }
        var result: [ValueName: LayerReconstruction] = [:]
        for part in contractions.chunked(byteLimit: 1 << 30) {
            var statistics = Statistics()
            for contraction in part { statistics.request(GramMatrix(contraction), of: contraction.data, key: contraction.site.tensor) }
            try statistics.gather(in: graph, context: context, sampleCount: sampleCount)
            for contraction in part {
                guard let gram = statistics[contraction.data, GramMatrix.self, key: contraction.site.tensor] else { continue }
                result[contraction.site.tensor] = LayerReconstruction(
                    contraction: contraction, moment: gram.sum, mean: gram.rowSum.map { $0 / Double(max(1, gram.rowCount)) },
                    rowCount: gram.rowCount)
            }
        }
        return result
    }

    /// The mean square that each row of outputs moves by when the weight, as outputs × depth, changes by so much.
    package func error(of difference: Matrix<Float>) -> Double {
        let product = difference * moment
        return zip(product.elements, difference.elements).reduce(0) { $0 + Double($1.0) * Double($1.1) } / Double(max(1, rowCount))
    }

    /// The upper triangle U of (H + λ·mean diag H)⁻¹ = UᵀU; inputs that are always 0 count as if they were independent of all
    /// others, with a 1 on the diagonal of (2/n)H.
    package func inverseFactor(damping: Double) throws -> Matrix<Float> {
        var hessian = Matrix(moment.elements.map(Double.init), rows: moment.rows, columns: moment.columns)
        for index in 0..<hessian.rows where hessian[index, index] == 0 { hessian[index, index] = Double(max(1, rowCount)) / 2 }
        let mean = (0..<hessian.rows).reduce(0) { $0 + hessian[$1, $1] } / Double(max(1, hessian.rows))
        for index in 0..<hessian.rows { hessian[index, index] += damping * mean }
        let inverse = try CholeskyFactor(hessian).inverse()
        let upper = try CholeskyFactor(inverse).lower.transposed
        return Matrix(upper.elements.map { Float($0) }, rows: upper.rows, columns: upper.columns)
    }
}

extension [Contraction] {
    /// Neighbours together whose second moments take no more than `byteLimit`.
    fileprivate func chunked(byteLimit: Int) -> [[Contraction]] {
        var (result, bytes) = ([[Contraction]](), 0)
        for contraction in self {
            let own = 4 * contraction.depth * contraction.depth
            if result.isEmpty || bytes + own > byteLimit { result.append([]); bytes = 0 }
            result[result.count - 1].append(contraction)
            bytes += own
        }
        return result
    }
}

extension Matrix<Float> {
    /// Sets an element of a weight, outputs × depth, and makes up for what that costs W·X by the elements after it in its row:
    /// w −= (wᵢ − value) / Uᵢᵢ · Uᵢ, U the factor of H⁻¹ (Frantar et al. 2022, algorithm 1).
    package mutating func replace(_ row: Int, _ column: Int, by value: Float, spreadingBy factor: Matrix<Float>) {
        let error = (self[row, column] - value) / factor[column, column]
        self[row, column] = value
        guard error != 0 else { return }
        let (start, source) = (row * columns, column * columns)
        let rest = (column + 1)..<max(column + 1, columns)
        elements.withUnsafeMutableBufferPointer { elements in
            factor.elements.withUnsafeBufferPointer { factor in
                for next in rest { elements[start + next] -= error * factor[source + next] }
            }
        }
    }

    static func - (a: Matrix, b: Matrix) -> Matrix {
        Matrix(zip(a.elements, b.elements).map { $0 - $1 }, rows: a.rows, columns: a.columns)
    }
}
