internal import CWinnowKernels

/// scale · (x − mean) / √(variance + epsilon) + shift in float32 over rows of channels that lie innermost, with the mean and the variance
/// (divided by the count) of the rows themselves. oneDNN has wide vectors for multiples of 16 channels alone.
package struct BatchNormalizationTrainingKernel: Sendable {
    private let rows: ChannelRows
    private let epsilon: Float

    package init(rows: Int, channels: Int, epsilon: Float) {
        self.rows = ChannelRows(count: rows, channels: channels)
        self.epsilon = epsilon
    }

    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { rows.sumByteCount(1) + rows.vectorByteCount(3) }

    /// Normalizes, and writes the statistics. Source and target may be the same memory.
    package func run(
        source: UnsafePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
        mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>, target: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutableRawPointer
    ) {
        let count = Double(rows.count)
        let means = (scratch + rows.sumByteCount(1)).assumingMemoryBound(to: Float.self)
        let (factors, shifts) = (means + rows.width, means + 2 * rows.width)
        rows.addUp(1, scratch: scratch) { start, rows, width, sums, partial in
            winnow_channel_sums(source + start, sums, partial, rows, width)
        } total: { channel, sum in mean[channel] = Float(sum(0) / count) }
        rows.fill(means) { mean[$0] }
        rows.addUp(1, scratch: scratch) { start, rows, width, sums, partial in
            winnow_channel_squares(source + start, means, sums, partial, rows, width)
        } total: { channel, sum in variance[channel] = Float(sum(0) / count) }
        rows.fill(factors) { scale[$0] / (variance[$0] + epsilon).squareRoot() }
        rows.fill(shifts) { shift[$0] }
        rows.forEach { start, rows, width in
            winnow_channel_normalize(source + start, means, factors, shifts, target + start, rows, width)
        }
    }
}

/// The gradients of a batch normalization in float32 over rows of channels that lie innermost.
package struct BatchNormalizationGradientKernel: Sendable {
    private let rows: ChannelRows
    private let epsilon: Float

    package init(rows: Int, channels: Int, epsilon: Float) {
        self.rows = ChannelRows(count: rows, channels: channels)
        self.epsilon = epsilon
    }

    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { rows.sumByteCount(2) + rows.vectorByteCount(4) }

    /// Writes (does not add to) all three gradients. The source gradient may be the memory of the source or the target gradient.
    ///
    /// - Parameter areOfRows: whether mean and variance are functions of the source rather than constants.
    package func run(
        source: UnsafePointer<Float>, targetGradient: UnsafePointer<Float>, scale: UnsafePointer<Float>,
        mean: UnsafePointer<Float>, variance: UnsafePointer<Float>, areOfRows: Bool, sourceGradient: UnsafeMutablePointer<Float>,
        scaleGradient: UnsafeMutablePointer<Float>, shiftGradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer
    ) {
        let count = Double(rows.count)
        let means = (scratch + rows.sumByteCount(2)).assumingMemoryBound(to: Float.self)
        let (factors, offsets, slopes) = (means + rows.width, means + 2 * rows.width, means + 3 * rows.width)
        func deviation(_ channel: Int) -> Double { (Double(variance[channel]) + Double(epsilon)).squareRoot() }
        rows.fill(means) { mean[$0] }
        rows.addUp(2, scratch: scratch) { start, rows, width, sums, partial in
            // Sums lie a wide row apart, also for the rows that are left over.
            winnow_channel_products(
                source + start, targetGradient + start, means, sums, sums + self.rows.width, partial, rows, width)
        } total: { channel, sum in
            let (gradients, products) = (sum(0), sum(1))
            shiftGradient[channel] = Float(gradients)
            scaleGradient[channel] = Float(products / deviation(channel))
            offsets[channel] = areOfRows ? Float(gradients / count) : 0
            slopes[channel] = areOfRows ? Float(products / count / (Double(variance[channel]) + Double(epsilon))) : 0
        }
        rows.fill(factors) { Float(Double(scale[$0]) / deviation($0)) }
        rows.fill(offsets) { offsets[$0] }
        rows.fill(slopes) { slopes[$0] }
        rows.forEach { start, rows, width in
            winnow_channel_gradient(
                source + start, targetGradient + start, means, factors, offsets, slopes, sourceGradient + start, rows, width)
        }
    }
}
