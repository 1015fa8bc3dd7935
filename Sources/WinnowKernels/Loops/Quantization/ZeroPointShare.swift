internal import CWinnowKernels

/// What the zero point of the data adds to sums of its codes times a filter: the zero point times the filter's own sum.
package struct ZeroPointShare: Sendable {
    private let filterSums: [Int32]
    private let rows: Int
    private let channelStride: Int

    /// For so many sums, laid out as (rows, channels, `channelStride`); there is a sum of the filter for each channel.
    package init(filterSums: [Int32], sumCount: Int, channelStride: Int) {
        self.filterSums = filterSums
        self.channelStride = channelStride
        rows = sumCount / max(filterSums.count * channelStride, 1)
    }

    /// Takes it off.
    package func subtract(from sums: UnsafeMutablePointer<Int32>, zeroPoint: Int32) {
        guard zeroPoint != 0 else { return }
        filterSums.withUnsafeBufferPointer { filter in
            winnow_subtract_zero_point(sums, filter.baseAddress, zeroPoint, rows, filter.count, channelStride)
        }
    }
}
