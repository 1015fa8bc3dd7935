package import WinnowKernels

/// 1×1, k×1 and 1×k on each channel by itself, and 1×1: the four factors of a CP decomposition (Lebedev et al. 2015). It has no
/// spectrum of its own; its rank is chosen by that of W unfolded by outputs, and keeps less.
package struct CanonicalSplit: ConvolutionSplit {
    package static let name = "cp"
    private let unfolded: UnfoldedFilter
    private var filter: Filter { unfolded.filter }

    package init(_ filter: Filter) throws(Refusal) { unfolded = try UnfoldedFilter(filter) }

    package var spectra: [Spectrum] { [unfolded.byOutputs.spectrum] }

    package func parts(_ ranks: [Int]) -> [FilterPart] {
        [.pointwise(filter, from: filter.inputs, to: ranks[0])]
            + filter.taps.indices.map { axis in
                var taps = [Int](repeating: 1, count: filter.taps.count)
                taps[axis] = filter.taps[axis]
                return FilterPart(axes: axis..<(axis + 1), shape: .init([ranks[0], 1] + taps), isDepthwise: true)
            } + [.pointwise(filter, from: ranks[0], to: filter.outputs)]
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> FilterFactors {
        let canonical: CanonicalFactors
        do {
            canonical = try CanonicalFactors(
                filter.matrix, taps: filter.taps, rank: ranks[0],
                starts: [unfolded.byOutputs.basis(ranks[0]), unfolded.byInputs.basis(ranks[0])])
        } catch { throw Refusal("its decomposition did not converge") }
        let inner = canonical.factors.dropFirst().map(\.transposed)
        let basis = inner.dropFirst().reduce(inner[0]) { $0.rowProducts($1) }
        let total = max(filter.matrix.squareSum, .leastNormalMagnitude)
        return FilterFactors(
            hidden: Array(inner), last: canonical.factors[0], basis: basis,
            energy: 1 - (canonical.errors.last ?? total) / total)
    }
}

extension Matrix<Float> {
    /// Of each row all products with the same row of another matrix, whose columns run fastest.
    fileprivate func rowProducts(_ other: Matrix) -> Matrix {
        var result = Matrix(zeros: rows, columns * other.columns)
        for row in 0..<rows {
            for column in 0..<columns {
                for inner in 0..<other.columns {
                    result[row, column * other.columns + inner] = self[row, column] * other[row, inner]
                }
            }
        }
        return result
    }
}
