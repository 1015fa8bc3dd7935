internal import CWinnowKernels
internal import WinnowTensor

/// The gradient of a depthwise convolution with respect to its filter and bias, in float32. oneDNN has none of its own for windows beyond
/// 3×3, and takes a hundred times as long.
package struct DepthwiseFilterGradientKernel: Sendable {
    private let convolution: winnow_window
    private let images: Int
    private let channels: Int
    private let taps: Int
    private let sourceStep: Int
    private let targetStep: Int
    private let hasBias: Bool
    /// Images are divided among threads, which add up sums of their own.
    private let parts: Int

    /// nil where the convolution has channels that meet, or channels do not lie innermost.
    package init?(_ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, hasBias: Bool) throws {
        try geometry.validate()
        let (source, filter, target) = (geometry.sourceShape, geometry.filterShape, geometry.targetShape)
        guard geometry.groups == source[1], geometry.groups == filter[0], geometry.groups > 1,
            [layouts.source, layouts.target] == [.channelsLast, .channelsLast]
        else { return nil }
        convolution = winnow_window(geometry.window, source: source, target: target)
        (images, channels, taps) = (source[0], source[1], geometry.window.extents.reduce(1, *))
        sourceStep = source.dropFirst(2).reduce(channels, *)
        targetStep = target.dropFirst(2).reduce(channels, *)
        self.hasBias = hasBias
        parts = min(ThreadCount.worth(.singleProducts(geometry.productCount)), max(images, 1))
    }

    /// For each part the sums of the taps, and room to add up the bias.
    private var partCount: Int { (taps + 1) * channels }
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { parts * (partCount * MemoryLayout<Float>.stride + channels * MemoryLayout<Double>.stride) }

    /// Writes (does not add to) the gradients. `biasGradient` is ignored unless declared.
    package func run(
        source: UnsafePointer<Float>, targetGradient: UnsafePointer<Float>, filterGradient: UnsafeMutablePointer<Float>,
        biasGradient: UnsafeMutablePointer<Float>?, scratch: UnsafeMutableRawPointer
    ) {
        let biases = scratch.assumingMemoryBound(to: Double.self)
        let sums = (scratch + parts * channels * MemoryLayout<Double>.stride).assumingMemoryBound(to: Float.self)
        Parallel.forParts(parts) { part in
            let (own, bias) = (sums + part * partCount, biases + part * channels)
            own.update(repeating: 0, count: partCount)
            bias.update(repeating: 0, count: channels)
            withUnsafePointer(to: convolution) { convolution in
                for image in (images * part / parts)..<(images * (part + 1) / parts) {
                    let target = targetGradient + image * targetStep
                    winnow_depthwise_filter_gradient(convolution, Int64(channels), source + image * sourceStep, target, own)
                    if hasBias { winnow_channel_sums(target, bias, own + taps * channels, targetStep / channels, channels) }
                }
            }
        }
        for channel in 0..<channels {
            for tap in 0..<taps {
                filterGradient[channel * taps + tap] = (0..<parts).reduce(0) { $0 + sums[$1 * partCount + tap * channels + channel] }
            }
            if hasBias { biasGradient?[channel] = Float((0..<parts).reduce(0) { $0 + biases[$1 * channels + channel] }) }
        }
    }
}
