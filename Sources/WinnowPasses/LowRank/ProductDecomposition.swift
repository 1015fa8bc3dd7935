import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// x·A·B in the place of x·W: of a matrix on either side of the data, or of several, which all get the same rank.
package struct ProductDecomposition: LayerDecomposition {
    private let axes: ProductAxes
    /// Outputs × depth where `isOutputFirst`, else depth × outputs.
    private let matrices: [Matrix<Float>]
    private let factors: [MatrixFactors]
    private let isOutputFirst: Bool
    package let spectra: [Spectrum]

    /// - Parameter metrics: one for each matrix; none: all elements count alike.
    package init(_ axes: ProductAxes, _ weight: Tensor, metrics: [InputMetric], leading: Int? = nil) throws(Refusal) {
        self.axes = axes
        let isWeighted = metrics.count == axes.batchCount
        isOutputFirst = isWeighted || axes.storesOutputsFirst
        matrices = axes.matrices(of: weight, outputsFirst: isOutputFirst)
        var factors: [MatrixFactors] = []
        for (index, matrix) in matrices.enumerated() {
            factors.append(try MatrixFactors(matrix, metric: isWeighted ? metrics[index] : nil, leading: leading))
        }
        self.factors = factors
        spectra = [Spectrum(sumOf: factors.map(\.spectrum))]
    }

    package func outline(_ ranks: [Int]) -> [LayerOutline] {
        zip([axes.factored.first, axes.factored.second], axes.factorShapes(ranks[0])).map { op, shape in
            LayerOutline(op: op, shape: shape, weightIndex: axes.weightIndex)
        }
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> LayerFactors {
        var (first, second): ([Matrix<Float>], [Matrix<Float>]) = ([], [])
        var (error, total) = (0.0, 0.0)
        for (matrix, factors) in zip(matrices, factors) {
            let (left, right) = factors(ranks[0])
            error += (matrix - left * right).squareSum
            total += matrix.squareSum
            first.append(isOutputFirst ? right.transposed : left)
            second.append(isOutputFirst ? left.transposed : right)
        }
        return LayerFactors(
            weights: axes.factors(first, second, rank: ranks[0]), energy: spectra[0].energy(rank: ranks[0]),
            relativeError: (error / max(total, .leastNormalMagnitude)).squareRoot())
    }
}
