import WinnowKernels

/// A convolution's weight of more than one tap, unfolded by its outputs and by its inputs.
struct UnfoldedFilter {
    let filter: Filter
    let byOutputs: MatrixFactors
    let byInputs: MatrixFactors

    init(_ filter: Filter) throws(Refusal) {
        guard filter.tapCount > 1 else { throw Refusal("it is 1×1") }
        self.filter = filter
        byOutputs = try MatrixFactors(filter.matrix)
        byInputs = try MatrixFactors(filter.matrix.exchangingAxes(inner: filter.tapCount))
    }
}
