/// Percentiles by NumPy's thirteen methods (`numpy.percentile(…, method=)`; Hyndman and Fan 1996).
package enum PercentileMethod: String, HyperparameterChoice, Codable {
    case linear, lower, higher, midpoint, nearest
    case invertedCDF = "inverted_cdf"
    case averagedInvertedCDF = "averaged_inverted_cdf"
    case closestObservation = "closest_observation"
    case interpolatedInvertedCDF = "interpolated_inverted_cdf"
    case hazen, weibull
    case medianUnbiased = "median_unbiased"
    case normalUnbiased = "normal_unbiased"

    /// The value below which `percent` percent of the sorted values lie; `sorted` must not be empty.
    package func value(of sorted: [Double], at percent: Double) -> Double {
        let count = Double(sorted.count)
        let quantile = percent / 100
        let position = virtualIndex(quantile, count)
        if position >= count - 1 { return sorted[sorted.count - 1] }
        if position < 0 { return sorted[0] }
        let below = Int(position.rounded(.down))
        let fraction = weight(position - Double(below))
        return sorted[below] + (sorted[min(below + 1, sorted.count - 1)] - sorted[below]) * fraction
    }

    /// The position between the sorted values, from 0.
    private func virtualIndex(_ quantile: Double, _ count: Double) -> Double {
        func continuous(_ alpha: Double, _ beta: Double) -> Double {
            count * quantile + alpha + quantile * (1 - alpha - beta) - 1
        }
        switch self {
        case .linear: return (count - 1) * quantile
        case .lower: return ((count - 1) * quantile).rounded(.down)
        case .higher: return ((count - 1) * quantile).rounded(.up)
        case .midpoint: return midpointIndex((count - 1) * quantile)
        case .nearest: return ((count - 1) * quantile).rounded(.toNearestOrEven)
        case .invertedCDF: return max(0, (count * quantile).rounded(.up) - 1)
        case .averagedInvertedCDF:
            let index = count * quantile - 1
            return index == index.rounded(.down) ? index + 0.5 : max(0, index.rounded(.up))
        case .closestObservation: return max(0, (count * quantile - 1 - 0.5).roundedUpToEvenTie())
        case .interpolatedInvertedCDF: return continuous(0, 1)
        case .hazen: return continuous(0.5, 0.5)
        case .weibull: return continuous(0, 0)
        case .medianUnbiased: return continuous(1.0 / 3, 1.0 / 3)
        case .normalUnbiased: return continuous(3.0 / 8, 3.0 / 8)
        }
    }

    private func midpointIndex(_ index: Double) -> Double { (index.rounded(.down) + index.rounded(.up)) / 2 }

    private func weight(_ fraction: Double) -> Double { fraction }
}

extension Double {
    /// NumPy's rule of `closest_observation`: up, except that a whole number whose floor is even stays.
    fileprivate func roundedUpToEvenTie() -> Double {
        let floor = rounded(.down)
        return self == floor && floor.truncatingRemainder(dividingBy: 2) == 0 ? floor : floor + 1
    }
}
