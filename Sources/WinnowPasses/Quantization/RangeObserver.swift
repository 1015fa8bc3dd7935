import WinnowKernels
import WinnowTensor

/// How the range of an activation is found from calibration data.
package enum RangeMethod: String, HyperparameterChoice, Codable {
    /// The smallest and largest value seen.
    case minMax = "min-max"
    /// Cuts the rarest values off at both ends, by a histogram of fixed size.
    case percentile
}

/// Watches the values of one activation batch by batch, in constant memory.
struct RangeObserver: Sendable {
    private(set) var low = Float.infinity
    private(set) var high = -Float.infinity
    private var histogram: Histogram?
    /// Whether a NaN or an infinity came by.
    private(set) var sawNonFinite = false

    init(_ method: RangeMethod) { histogram = method == .percentile ? Histogram() : nil }

    mutating func observe(_ values: UnsafeBufferPointer<Float>) {
        let block = RangeStatistics(of: values)
        if !block.isFinite { sawNonFinite = true }
        guard block.minimum <= block.maximum, block.minimum.isFinite, block.maximum.isFinite else { return }
        low = min(low, block.minimum)
        high = max(high, block.maximum)
        histogram?.add(values, low: low, high: high)
    }

    /// The observed range; with a histogram, `percentile` percent of the values lie within it.
    func range(percentile: Double) -> ClosedRange<Float>? {
        guard low <= high else { return nil }
        return histogram?.range(percentile: percentile) ?? low...high
    }
}

/// Counts in equal bins over a range that doubles when values fall outside: bins merge in pairs, nothing is lost.
private struct Histogram: Sendable {
    private static let binCount = 2048
    private var counts = [Int](repeating: 0, count: binCount)
    /// Bin i covers origin + [i, i + 1) · width.
    private var origin = 0.0
    private var width = 0.0

    mutating func add(_ values: UnsafeBufferPointer<Float>, low: Float, high: Float) {
        cover(Double(low), Double(high))
        RangeStatistics.count(values, origin: Float(origin), width: Float(width), into: &counts)
    }

    private mutating func cover(_ low: Double, _ high: Double) {
        if width == 0 {
            origin = low
            width = max((high - low) / Double(Self.binCount) * 1.0001, Double(Float.leastNormalMagnitude) * 1e4)
            return
        }
        while high >= origin + width * Double(Self.binCount) { merge(keepingStart: true) }
        while low < origin { merge(keepingStart: false) }
    }

    private mutating func merge(keepingStart: Bool) {
        let half = Self.binCount / 2
        var merged = [Int](repeating: 0, count: Self.binCount)
        for i in 0..<half { merged[(keepingStart ? 0 : half) + i] = counts[2 * i] + counts[2 * i + 1] }
        if !keepingStart { origin -= width * Double(Self.binCount) }
        counts = merged
        width *= 2
    }

    func range(percentile: Double) -> ClosedRange<Float> {
        let total = counts.reduce(0, +)
        let cut = Double(total) * (1 - percentile / 100) / 2
        func bin(_ indices: some Sequence<Int>) -> Int {
            var seen = 0
            for index in indices {
                seen += counts[index]
                if Double(seen) > cut { return index }
            }
            return 0
        }
        let first = bin(0..<Self.binCount)
        let last = bin((0..<Self.binCount).reversed())
        let limit = Double(Float.greatestFiniteMagnitude)
        func edge(_ bin: Int) -> Float { Float(min(max(origin + Double(bin) * width, -limit), limit)) }
        return edge(first)...edge(max(first, last) + 1)
    }
}
