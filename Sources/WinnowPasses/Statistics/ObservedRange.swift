import WinnowKernels
package import WinnowTensor

/// The smallest and largest number, and, if asked for, how often numbers in between come.
package struct ObservedRange: Statistic {
    package static let needsPlaces = false

    package private(set) var low = Float.infinity
    package private(set) var high = -Float.infinity
    package private(set) var histogram: GrowingHistogram?
    package private(set) var rebinned: RebinnedHistogram?
    /// The average of the batches' smallest and largest numbers, newer ones counting more: m += 0.01·(x − m), as torch has it.
    package private(set) var average: ClosedRange<Float>?
    /// What tokens have, where that was asked for.
    package var tokens: TokenExtremes? {
        get { tokensBox.first }
        set { tokensBox = newValue.map { [$0] } ?? [] }
    }
    /// Tokens are observed as ranges themselves.
    private var tokensBox: [TokenExtremes] = []
    /// Whether a NaN or an infinity came by.
    private var sawNonFinite = false
    package var isFinite: Bool { !sawNonFinite }

    /// Counts of the numbers in between.
    package struct Histograms: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let growing = Histograms(rawValue: 1)
        package static let rebinned = Histograms(rawValue: 2)
    }

    package init(_ histograms: Histograms = []) {
        histogram = histograms.contains(.growing) ? GrowingHistogram() : nil
        rebinned = histograms.contains(.rebinned) ? RebinnedHistogram() : nil
    }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        let block = RangeStatistics(of: values)
        if !block.isFinite { sawNonFinite = true }
        guard block.minimum <= block.maximum, block.minimum.isFinite, block.maximum.isFinite else { return }
        low = min(low, block.minimum)
        high = max(high, block.maximum)
        let former = average ?? block.minimum...block.maximum
        average = former.moved(towards: block.minimum...block.maximum, by: 0.01)
        histogram?.add(values, low: low, high: high)
        rebinned?.add(values, low: block.minimum, high: block.maximum)
    }

    package mutating func merge(_ other: ObservedRange) {
        sawNonFinite = sawNonFinite || other.sawNonFinite
        guard other.low <= other.high else { return }
        (low, high) = (min(low, other.low), max(high, other.high))
        if let own = average, let others = other.average { average = own.moved(towards: others, by: 0.5) } else { average = other.average }
        if let others = other.histogram { histogram?.merge(others, low: low, high: high) }
        if let others = other.rebinned { rebinned?.merge(others) }
    }

    /// nil where no number came by.
    package var whole: ClosedRange<Float>? { low <= high ? low...high : nil }
}

/// Counts in equal bins over a range that doubles when values fall outside: bins merge in pairs, nothing is lost. Of very many values at
/// once a part is looked at.
package struct GrowingHistogram: Sendable {
    package static let binCount = 2048
    private static let limit = 1 << 17
    package private(set) var counts = [Int](repeating: 0, count: binCount)
    /// Bin i covers origin + [i, i + 1) · width.
    package private(set) var origin = 0.0
    package private(set) var width = 0.0

    package init() {}

    mutating func add(_ values: UnsafeBufferPointer<Float>, low: Float, high: Float) {
        cover(Double(low), Double(high))
        RangeStatistics.count(values, origin: Float(origin), width: Float(width), limit: Self.limit, into: &counts)
    }

    mutating func merge(_ other: GrowingHistogram, low: Float, high: Float) {
        guard other.width > 0 else { return }
        cover(Double(low), Double(high))
        for (index, count) in other.counts.enumerated() where count > 0 {
            let place = (other.origin + (Double(index) + 0.5) * other.width - origin) / width
            counts[min(max(Int(place), 0), Self.binCount - 1)] += count
        }
    }

    private mutating func cover(_ low: Double, _ high: Double) {
        if width == 0 {
            origin = low
            width = max((high - low) / Double(Self.binCount) * 1.0001, Double(Float.leastNormalMagnitude) * 1e4)
            return
        }
        while high >= origin + width * Double(Self.binCount) { double(keepingStart: true) }
        while low < origin { double(keepingStart: false) }
    }

    private mutating func double(keepingStart: Bool) {
        let half = Self.binCount / 2
        var merged = [Int](repeating: 0, count: Self.binCount)
        for i in 0..<half { merged[(keepingStart ? 0 : half) + i] = counts[2 * i] + counts[2 * i + 1] }
        if !keepingStart { origin -= width * Double(Self.binCount) }
        counts = merged
        width *= 2
    }

    /// The first bin at which more than a part of all numbers is counted, from one of both ends.
    func bin(below part: Double, fromEnd: Bool) -> Int {
        let limit = Double(counts.reduce(0, +)) * part
        var seen = 0
        for index in fromEnd ? Array(counts.indices.reversed()) : Array(counts.indices) {
            seen += counts[index]
            if Double(seen) > limit { return index }
        }
        return 0
    }

    /// Where bin `index` begins, within what float32 holds.
    package func edge(_ index: Int) -> Float {
        let limit = Double(Float.greatestFiniteMagnitude)
        return Float(min(max(origin + Double(index) * width, -limit), limit))
    }

    /// The mean square by which rounding to these codes moves the numbers, each taken for the middle of its bin.
    package func squaredError(of parameters: QuantizationParameters) -> Double {
        let (scale, zero) = (Double(parameters.scales[0]), Double(parameters.zeroPoints[0]))
        let (low, high) = (Double(parameters.codes.lowerBound) - zero, Double(parameters.codes.upperBound) - zero)
        // Bins wider than steps do not tell where between two codes their numbers lie.
        let (isFine, step) = (width < scale / 2, scale * scale / 12)
        var (error, all) = (0.0, 0)
        for (index, count) in counts.enumerated() where count > 0 {
            let number = origin + (Double(index) + 0.5) * width
            let code = min(max((number / scale).rounded(.toNearestOrEven), low), high)
            let distance = number - code * scale
            let isInside = isFine || distance.magnitude <= scale / 2
            error += Double(count) * (isInside && !isFine ? step : distance * distance)
            all += count
        }
        return all > 0 ? error / Double(all) : 0
    }

    /// The part of the numbers beyond what these codes stand for.
    package func clippedPart(of parameters: QuantizationParameters) -> Double {
        let (scale, zero) = (Double(parameters.scales[0]), Double(parameters.zeroPoints[0]))
        let low = (Double(parameters.codes.lowerBound) - zero - 0.5) * scale
        let high = (Double(parameters.codes.upperBound) - zero + 0.5) * scale
        var (outside, all) = (0, 0)
        for (index, count) in counts.enumerated() where count > 0 {
            let number = origin + (Double(index) + 0.5) * width
            if number < low || number > high { outside += count }
            all += count
        }
        return all > 0 ? Double(outside) / Double(all) : 0
    }

    /// The mean of the squares.
    package var meanSquare: Double {
        var (sum, all) = (0.0, 0)
        for (index, count) in counts.enumerated() where count > 0 {
            let number = origin + (Double(index) + 0.5) * width
            sum += Double(count) * number * number
            all += count
        }
        return all > 0 ? sum / Double(all) : 0
    }
}
