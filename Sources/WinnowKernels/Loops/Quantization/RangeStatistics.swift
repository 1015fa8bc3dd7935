internal import CWinnowKernels

/// What calibration asks of a buffer of float32.
package struct RangeStatistics: Sendable {
    /// The smallest and largest number; NaN is passed over, and (∞, −∞) means there was none.
    package private(set) var minimum = Float.infinity
    package private(set) var maximum = -Float.infinity
    package private(set) var isFinite = true

    package init(of values: UnsafeBufferPointer<Float>) {
        self = Self.parts(of: values) { part in
            var result = Self()
            guard let start = part.baseAddress else { return result }
            result.isFinite = winnow_range(start, part.count, &result.minimum, &result.maximum) != 0
            return result
        }.reduce(into: Self()) { whole, part in
            whole.minimum = min(whole.minimum, part.minimum)
            whole.maximum = max(whole.maximum, part.maximum)
            whole.isFinite = whole.isFinite && part.isFinite
        }
    }

    private init() {}

    /// Adds the number of values in each bin to `counts`; bin i covers origin + [i, i + 1) · width, the first and the last
    /// also what lies outside.
    ///
    /// - Parameter limit: how many values are looked at, about; where there are more, blocks of them that are spread evenly count for those
    ///   between.
    package static func count(
        _ values: UnsafeBufferPointer<Float>, origin: Float, width: Float, limit: Int = .max, into counts: inout [Int]
    ) {
        let bins = counts.count
        let share = max(1, values.count / limit)
        func counted(_ part: UnsafeBufferPointer<Float>) -> [UInt32] {
            var counts = [UInt32](repeating: 0, count: 4 * bins)
            // An odd step meets all channels.
            winnow_histogram(part.baseAddress, part.count, share > 1 ? share * 512 + 1 : 0, origin, 1 / width, &counts, UInt32(bins))
            return counts
        }
        // What is looked at depends on no number of threads.
        for part in share > 1 ? [counted(values)] : parts(of: values, counted) {
            for index in part.indices { counts[index % bins] += share * Int(part[index]) }
        }
    }

    /// What `body` gives for contiguous parts, computed by all threads if that is worth it.
    private static func parts<Result>(
        of values: UnsafeBufferPointer<Float>, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) -> [Result] {
        let count = min(ThreadCount.worth(.elements(values.count)), max(1, values.count))
        return [Result](unsafeUninitializedCapacity: count) { results, initialized in
            nonisolated(unsafe) let places = results
            Parallel.forParts(count) { part in
                let range = (values.count * part / count)..<(values.count * (part + 1) / count)
                places.initializeElement(at: part, to: body(UnsafeBufferPointer(rebasing: values[range])))
            }
            initialized = count
        }
    }
}
