/// What calibration asks of a buffer of float32.
package enum RangeStatistics {
    /// The smallest and largest number; NaN is passed over, and (∞, −∞) means there was none.
    package static func minMax(_ values: UnsafePointer<Float>, count: Int) -> (minimum: Float, maximum: Float) {
        var low = Float.infinity
        var high = -Float.infinity
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 128) { lanes in
            guard let lows = lanes.baseAddress else { return }
            let highs = lows + 64
            for lane in 0..<64 {
                lows[lane] = .infinity
                highs[lane] = -.infinity
            }
            var i = 0
            while i + 64 <= count {
                let from = values + i
                for lane in 0..<64 { lows[lane] = from[lane] < lows[lane] ? from[lane] : lows[lane] }
                for lane in 0..<64 { highs[lane] = from[lane] > highs[lane] ? from[lane] : highs[lane] }
                i += 64
            }
            for lane in 0..<64 {
                low = min(low, lows[lane])
                high = max(high, highs[lane])
            }
            for rest in i..<count {
                if values[rest] < low { low = values[rest] }
                if values[rest] > high { high = values[rest] }
            }
        }
        return (low, high)
    }

    /// Adds to `bins` the counts of values in equal steps from `low` to `high`; the last bin holds `high` too (NumPy).
    package static func histogram(
        _ values: UnsafePointer<Float>, count: Int, from low: Float, to high: Float, into bins: UnsafeMutableBufferPointer<Int>
    ) {
        guard high > low, bins.count > 0 else {
            if !bins.isEmpty { for i in 0..<count where values[i] == low { bins[bins.count / 2] += 1 } }
            return
        }
        let scale = Double(bins.count) / (Double(high) - Double(low))
        for i in 0..<count {
            let value = values[i]
            guard value >= low && value <= high else { continue }
            let bin = Int((Double(value) - Double(low)) * scale)
            bins[min(bin, bins.count - 1)] += 1
        }
    }

    /// Mean and variance (over n) in float64.
    package static func moments(_ values: UnsafePointer<Float>, count: Int) -> (mean: Double, variance: Double) {
        guard count > 0 else { return (0, 0) }
        var sum = 0.0
        for i in 0..<count { sum += Double(values[i]) }
        let mean = sum / Double(count)
        var squares = 0.0
        for i in 0..<count { squares += (Double(values[i]) - mean) * (Double(values[i]) - mean) }
        return (mean, squares / Double(count))
    }
}
