internal import CWinnowKernels
package import WinnowTensor

/// The gradient of a max pooling in float32: each window's goes to its first maximum.
package final class MaxPoolingGradientKernel: @unchecked Sendable {
    private let pooling: winnow_window
    /// Images of `channels` innermost channels that are pooled independently.
    private let images: Int
    private let channels: Int
    private let sourceStep: Int
    private let targetStep: Int

    package init(_ geometry: PoolingGeometry, layout: Layout) throws {
        try geometry.validate()
        let (source, target) = (geometry.sourceShape, geometry.targetShape)
        channels = layout == .channelsLast ? source[1] : 1
        images = source[0] * source[1] / max(channels, 1)
        sourceStep = source.dropFirst(2).reduce(channels, *)
        targetStep = target.dropFirst(2).reduce(channels, *)
        pooling = winnow_window(geometry.meetingWindow, source: source, target: target)
    }

    /// Writes (does not add to) the source gradient.
    package func run(
        source: UnsafeRawPointer, targetGradient: UnsafeRawPointer, sourceGradient: UnsafeMutableRawPointer
    ) {
        let sourceValues = source.assumingMemoryBound(to: Float.self)
        let gradients = targetGradient.assumingMemoryBound(to: Float.self)
        let results = sourceGradient.assumingMemoryBound(to: Float.self)
        Parallel.forRanges(images, minimum: max(1, 4096 / max(1, sourceStep))) { range in
            withUnsafePointer(to: pooling) { pooling in
                for image in range {
                    winnow_max_pooling_gradient(
                        pooling, Int64(channels), sourceValues + image * sourceStep, gradients + image * targetStep,
                        results + image * sourceStep)
                }
            }
        }
    }
}
