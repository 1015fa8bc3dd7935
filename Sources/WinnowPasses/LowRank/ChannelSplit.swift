package import WinnowKernels

/// k×k with few channels, then 1×1 (Zhang et al. 2016, section 2).
package struct ChannelSplit: ConvolutionSplit {
    package static let name = "channel"
    private let filter: Filter
    private let matrix: MatrixFactors

    package init(_ filter: Filter) throws(Refusal) {
        self.filter = filter
        matrix = try MatrixFactors(filter.matrix, metric: filter.metric)
    }

    package var spectra: [Spectrum] { [matrix.spectrum] }

    package func parts(_ ranks: [Int]) -> [FilterPart] {
        [.whole(filter, from: filter.inputs, to: ranks[0]), .pointwise(filter, from: ranks[0], to: filter.outputs)]
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> FilterFactors {
        let (left, right) = matrix(ranks[0])
        return FilterFactors(hidden: [right], last: left, basis: right, energy: matrix.spectrum.energy(rank: ranks[0]))
    }
}
