package import WinnowKernels

/// Leaves convolutions alone.
package enum NoSplit: ConvolutionSplit {
    package static let name = "none"
    package init(_ filter: Filter) throws(Refusal) { throw Refusal("convolutions are not to be split") }
    package var spectra: [Spectrum] { [] }
    package func parts(_ ranks: [Int]) -> [FilterPart] { [] }
    package func factors(_ ranks: [Int]) throws(Refusal) -> FilterFactors {
        throw Refusal("convolutions are not to be split")
    }
}
