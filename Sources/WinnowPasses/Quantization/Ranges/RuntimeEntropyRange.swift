/// The range around 0 with the least Kullback–Leibler divergence as ONNX Runtime's `quantize_static` finds it: of 128 bins around 0 over all
/// samples, merged into 128. That many bins leave one candidate, all of them, which is then narrowed to what was seen: from the smallest to
/// the largest number.
package struct RuntimeEntropyRange: RangeRule {
    package static let name = "entropy-onnxruntime"
    package static let needs: ObservedRange.Histograms = []

    package init(percentile: Double) {}

    package func range(of observed: ObservedRange, for scheme: ActivationScheme) -> ClosedRange<Float>? { observed.whole }
}
