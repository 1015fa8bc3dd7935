package import WinnowTensor

/// How often the smallest and the largest numbers of tokens come: of what lies along the last axis.
package struct TokenExtremes: Statistic {
    package static let needsPlaces = true

    private var (low, high) = (ObservedRange([.growing]), ObservedRange([.growing]))

    package init() {}

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        guard let width = shape.last, width > 0 else { return }
        var (lows, highs): ([Float], [Float]) = ([], [])
        for start in stride(from: 0, to: values.count, by: width) {
            let token = values[start..<min(start + width, values.count)]
            lows.append(token.min() ?? 0)
            highs.append(token.max() ?? 0)
        }
        lows.withUnsafeBufferPointer { low.add($0, shape: [$0.count]) }
        highs.withUnsafeBufferPointer { high.add($0, shape: [$0.count]) }
    }

    package mutating func merge(_ other: TokenExtremes) {
        low.merge(other.low)
        high.merge(other.high)
    }

    /// From what the smallest numbers of so many percent of the tokens exceed to what their largest do not; nil where nothing was seen.
    package func range(percentile: Double) -> ClosedRange<Float>? {
        guard let lows = low.histogram, let highs = high.histogram, low.whole != nil, high.whole != nil else { return nil }
        let part = 1 - percentile / 100
        let (first, last) = (lows.bin(below: part, fromEnd: false), highs.bin(below: part, fromEnd: true))
        let (start, end) = (lows.edge(first), highs.edge(last + 1))
        return min(start, end)...max(start, end)
    }
}
