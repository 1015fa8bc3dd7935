/// Percentiles by the thirteen methods of `numpy.percentile` (Hyndman and Fan 1996, and four of NumPy's own).
public enum Percentile {
    public enum Method: String, Hashable, Sendable, CaseIterable, Codable {
        case invertedCDF = "inverted_cdf"
        case averagedInvertedCDF = "averaged_inverted_cdf"
        case closestObservation = "closest_observation"
        case interpolatedInvertedCDF = "interpolated_inverted_cdf"
        case hazen, weibull, linear
        case medianUnbiased = "median_unbiased"
        case normalUnbiased = "normal_unbiased"
        case lower, higher, midpoint, nearest
    }

    /// The two order statistics between which the percentile lies, and how far from the first to the second.
    struct Place: Hashable {
        var low: Int
        var high: Int
        var fraction: Double
    }

    /// `percent` in 0...100 of `count` > 0 values.
    static func place(_ percent: Double, count: Int, _ method: Method) -> Place {
        let n = Double(count)
        let q = percent / 100
        switch method {
        case .invertedCDF: return step(n * q - 1, count) { gamma, _ in gamma == 0 }
        case .closestObservation:
            return step(n * q - 1.5, count) { gamma, index in gamma == 0 && abs(index.truncatingRemainder(dividingBy: 2)) == 1 }
        case .averagedInvertedCDF: return between(n * q - 1, count) { gamma, _ in gamma == 0 ? 0.5 : 1 }
        case .interpolatedInvertedCDF: return between(virtual(n, q, 0, 1), count)
        case .hazen: return between(virtual(n, q, 0.5, 0.5), count)
        case .weibull: return between(virtual(n, q, 0, 0), count)
        case .linear: return between((n - 1) * q, count)
        case .medianUnbiased: return between(virtual(n, q, 1.0 / 3, 1.0 / 3), count)
        case .normalUnbiased: return between(virtual(n, q, 3.0 / 8, 3.0 / 8), count)
        case .lower: return between(((n - 1) * q).rounded(.down), count)
        case .higher: return between(((n - 1) * q).rounded(.up), count)
        case .nearest: return between(((n - 1) * q).rounded(.toNearestOrEven), count)
        case .midpoint: return between(0.5 * (((n - 1) * q).rounded(.down) + ((n - 1) * q).rounded(.up)), count)
        }
    }

    private static func virtual(_ n: Double, _ q: Double, _ alpha: Double, _ beta: Double) -> Double {
        n * q + (alpha + q * (1 - alpha - beta)) - 1
    }

    private static func step(_ index: Double, _ count: Int, _ staysBelow: (Double, Double) -> Bool) -> Place {
        let previous = index.rounded(.down)
        let chosen = staysBelow(index - previous, previous) ? previous : previous + 1
        let place = min(max(Int(chosen), 0), count - 1)
        return Place(low: place, high: place, fraction: 0)
    }

    private static func between(
        _ index: Double, _ count: Int, _ adjust: (Double, Double) -> Double = { gamma, _ in gamma }
    ) -> Place {
        if index >= Double(count - 1) { return Place(low: count - 1, high: count - 1, fraction: 0) }
        if index < 0 { return Place(low: 0, high: 0, fraction: 0) }
        let previous = index.rounded(.down)
        return Place(low: Int(previous), high: Int(previous) + 1, fraction: adjust(index - previous, previous))
    }

    /// NumPy's interpolation, which meets both ends exactly.
    private static func interpolate(_ a: Double, _ b: Double, _ fraction: Double) -> Double {
        fraction >= 0.5 ? b - (b - a) * (1 - fraction) : a + (b - a) * fraction
    }

    /// The percentile of sorted values; nil if there are none.
    package static func value(_ percent: Double, ofSorted values: [Double], _ method: Method = .linear) -> Double? {
        guard !values.isEmpty else { return nil }
        let place = place(percent, count: values.count, method)
        return interpolate(values[place.low], values[place.high], place.fraction)
    }

    /// The percentile of unsorted float32 values in any number of buffers, in O(count); nil if there are none.
    package static func value(
        _ percent: Double, of buffers: [UnsafeBufferPointer<Float>], _ method: Method = .linear
    ) -> Double? {
        value(percent, count: buffers.reduce(0) { $0 + $1.count }, method) { Selection.orderStatistic($0, of: buffers) }
    }

    /// The percentile of `count` values, given a function to the one with so many smaller ones.
    package static func value(
        _ percent: Double, count: Int, _ method: Method, orderStatistic: (Int) -> Float?
    ) -> Double? {
        guard count > 0 else { return nil }
        let place = place(percent, count: count, method)
        guard let low = orderStatistic(place.low) else { return nil }
        guard place.high != place.low, let high = orderStatistic(place.high) else { return Double(low) }
        return interpolate(Double(low), Double(high), place.fraction)
    }
}
