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
}
