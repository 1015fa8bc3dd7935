/// Mean and variance of each channel or row, read or written.
package struct NormalizationStatistics {
    package var mean: UnsafeMutableRawPointer?
    package var variance: UnsafeMutableRawPointer?

    package init(mean: UnsafeMutableRawPointer?, variance: UnsafeMutableRawPointer?) {
        self.mean = mean
        self.variance = variance
    }

    /// Statistics that are only read.
    package static func given(mean: UnsafeRawPointer, variance: UnsafeRawPointer) -> NormalizationStatistics {
        NormalizationStatistics(
            mean: UnsafeMutableRawPointer(mutating: mean), variance: UnsafeMutableRawPointer(mutating: variance))
    }
}

/// Where the gradients of a normalization go; scale and shift are left out where nil.
package struct NormalizationGradients {
    package var source: UnsafeMutableRawPointer
    package var scale: UnsafeMutableRawPointer?
    package var shift: UnsafeMutableRawPointer?

    package init(source: UnsafeMutableRawPointer, scale: UnsafeMutableRawPointer?, shift: UnsafeMutableRawPointer?) {
        self.source = source
        self.scale = scale
        self.shift = shift
    }
}
