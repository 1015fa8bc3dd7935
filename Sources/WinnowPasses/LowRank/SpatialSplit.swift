package import WinnowKernels
import WinnowTensor

/// k×1, then 1×k (Jaderberg et al. 2014, scheme 2).
package struct SpatialSplit: ConvolutionSplit {
    package static let name = "spatial"
    private let filter: Filter
    /// (inputs · k) × (outputs · k).
    private let matrix: MatrixFactors
    private var taps: (Int, Int) { (filter.taps[0], filter.taps[1]) }

    package init(_ filter: Filter) throws(Refusal) {
        guard filter.taps.count == 2 else { throw Refusal("it slides along \(filter.taps.count) axes, not 2") }
        guard filter.tapCount > 1 else { throw Refusal("it is 1×1") }
        self.filter = filter
        let (vertical, horizontal) = (filter.taps[0], filter.taps[1])
        let turned = Tensor(filter.matrix.elements, shape: [filter.outputs, filter.inputs, vertical, horizontal])
            .transposed([1, 2, 0, 3])
        matrix = try MatrixFactors(
            Matrix(
                turned.elements(Float.self) ?? [], rows: filter.inputs * vertical, columns: filter.outputs * horizontal)
        )
    }

    package var spectra: [Spectrum] { [matrix.spectrum] }

    package func parts(_ ranks: [Int]) -> [FilterPart] {
        [
            FilterPart(axes: 0..<1, shape: [ranks[0], filter.inputs, taps.0, 1]),
            FilterPart(axes: 1..<2, shape: [filter.outputs, ranks[0], 1, taps.1]),
        ]
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> FilterFactors {
        let (left, right) = matrix(ranks[0])
        let rank = left.columns
        let vertical = Tensor(left.elements, shape: [filter.inputs * taps.0, rank]).transposed([1, 0])
        let horizontal = Tensor(right.elements, shape: [rank, filter.outputs, taps.1]).transposed([1, 0, 2])
        let first = Matrix(vertical.elements(Float.self) ?? [], rows: rank, columns: filter.inputs * taps.0)
        var basis = Matrix<Float>(zeros: rank * taps.1, filter.matrix.columns)
        for component in 0..<rank {
            for tap in 0..<taps.1 {
                for place in 0..<first.columns {
                    basis[component * taps.1 + tap, place * taps.1 + tap] = first[component, place]
                }
            }
        }
        return FilterFactors(
            hidden: [first],
            last: Matrix(horizontal.elements(Float.self) ?? [], rows: filter.outputs, columns: rank * taps.1),
            basis: basis, energy: matrix.spectrum.energy(rank: rank))
    }
}
