/// Bins of equal width in float32, as torch.histc and torch.linspace compute them.
package enum EqualBins {
    /// How many numbers are in each bin between two ends, the last with its upper end; bins around one number reach 1 to either
    /// side. Numbers outside are left out.
    package static func counts(of values: UnsafeBufferPointer<Float>, from low: Float, to high: Float, bins: Int) -> [Float] {
        let (low, high) = low == high ? (low - 1, high + 1) : (low, high)
        let (scale, width) = (Float(bins), high - low)
        var counts = [Int](repeating: 0, count: bins)
        for value in values where value >= low && value <= high {
            let place = (value - low) * scale / width
            counts[place < scale ? Int(place) : bins - 1] += 1
        }
        return counts.map { Float($0) }
    }

    /// The ends of the bins: one more than there are bins.
    package static func edges(from low: Float, to high: Float, bins: Int) -> [Float] {
        let step = (high - low) / Float(bins)
        return (0...bins).map { index in
            index < (bins + 1) / 2 ? low + step * Float(index) : high - step * Float(bins - index)
        }
    }

    /// Σ ∫ (x − its level)² over bins whose numbers are spread evenly, where the bins `kept` are cut into `levels` equal parts with
    /// a level in the middle of each, in the float32 arithmetic of torch's HistogramObserver.
    package static func squaredNorm(_ counts: [Float], width: Double, kept: ClosedRange<Int>, levels: Int) -> Double {
        let part = width * Double(kept.count) / Double(levels)
        guard part > 0 else { return 0 }
        let (bin, step, half, last) = (Float(width), Float(part), Float(part / 2), Float(levels - 1))
        let whole = cube(half) - cube(-half)
        var sum = 0.0
        for index in counts.indices where counts[index] != 0 {
            let start = Float(index - kept.lowerBound) * bin
            let end = start + bin
            let first = level(of: start, step, last)
            let final = level(of: end, step, last)
            let density = counts[index] / bin
            var norm = density * ((cube(half) - cube(start - (first + 0.5) * step)) / 3)
            norm += (final - first - 1) * (density * (whole / 3))
            norm += density * ((cube(end - (final * step + half)) - cube(-half)) / 3)
            sum += Double(norm)
        }
        return sum
    }

    @inline(__always)
    private static func cube(_ x: Float) -> Float { x * x * x }

    /// The part that a place lies in. In float64 the quotient of two float32 is never rounded to a whole number that it is below.
    @inline(__always)
    private static func level(of place: Float, _ step: Float, _ last: Float) -> Float {
        min(max(Float((Double(place) / Double(step)).rounded(.down)), 0), last)
    }
}
