package import WinnowKernels

/// 1×1 to few channels, k×k between few channels, and 1×1 back: W ≈ G ×₁ U_O ×₂ U_I by higher-order orthogonal iteration
/// (Tucker-2; Kim et al. 2016, section 3.1). Its spectra are those of W unfolded by outputs and by inputs.
package struct TuckerSplit: ConvolutionSplit {
    package static let name = "tucker-2"
    private let unfolded: UnfoldedFilter
    private var filter: Filter { unfolded.filter }

    package init(_ filter: Filter) throws(Refusal) { unfolded = try UnfoldedFilter(filter) }

    package var spectra: [Spectrum] { [unfolded.byOutputs.spectrum, unfolded.byInputs.spectrum] }

    package func parts(_ ranks: [Int]) -> [FilterPart] {
        [
            .pointwise(filter, from: filter.inputs, to: ranks[1]), .whole(filter, from: ranks[1], to: ranks[0]),
            .pointwise(filter, from: ranks[0], to: filter.outputs),
        ]
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> FilterFactors {
        let factors: TuckerFactors
        do {
            factors = try TuckerFactors(
                filter.matrix, outputs: unfolded.byOutputs.basis(ranks[0]), inputs: unfolded.byInputs.basis(ranks[1]))
        } catch { throw Refusal("its decomposition did not converge") }
        let basis = (factors.inputs * factors.core.exchangingAxes(inner: filter.tapCount)).exchangingAxes(
            inner: filter.tapCount)
        return FilterFactors(
            hidden: [factors.inputs.transposed, factors.core], last: factors.outputs, basis: basis,
            energy: factors.core.squareSum / max(filter.matrix.squareSum, .leastNormalMagnitude))
    }
}
