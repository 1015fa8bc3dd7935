import WinnowKernels

/// Counts in equal bins around 0, of the width that the first batch gives 128 of them; larger magnitudes get more bins, up to 4096,
/// then wider ones (ONNX Runtime's HistogramCollector, which has no such limit).
package struct SymmetricHistogram: Sendable {
    private static let (firstCount, largestCount) = (128, 4096)
    package private(set) var counts: [Int] = []
    /// The bins reach from −limit to limit.
    package private(set) var limit: Float = 0

    package init() {}

    mutating func add(_ values: UnsafeBufferPointer<Float>, largest: Float) {
        cover(largest)
        for (index, count) in EqualBins.counts(of: values, from: -limit, to: limit, bins: counts.count).enumerated() {
            counts[index] += Int(count)
        }
    }

    mutating func merge(_ other: SymmetricHistogram) {
        guard !other.counts.isEmpty else { return }
        guard !counts.isEmpty else { self = other; return }
        cover(other.limit)
        let width = 2 * other.limit / Float(other.counts.count)
        for (index, count) in other.counts.enumerated() where count > 0 {
            let place = (-other.limit + (Float(index) + 0.5) * width + limit) / (2 * limit) * Float(counts.count)
            counts[place.isFinite ? min(max(Int(place), 0), counts.count - 1) : counts.count / 2] += count
        }
    }

    private mutating func cover(_ largest: Float) {
        if counts.isEmpty { counts = [Int](repeating: 0, count: Self.firstCount) }
        if limit < 1e-30 { startAnew(largest) }
        while largest > limit {
            let width = 2 * limit / Float(counts.count)
            let more = ((largest - limit) / width).rounded(.down) + 1
            if 2 * more + Float(counts.count) > Float(Self.largestCount) { widen(width); continue }
            grow(by: Int(more))
            limit = more * width + limit
        }
    }

    /// What was seen before is 0 beside `largest`.
    private mutating func startAnew(_ largest: Float) {
        guard largest > limit else { return }
        let sum = counts.reduce(0, +)
        counts = [Int](repeating: 0, count: Self.firstCount)
        counts[Self.firstCount / 2] = sum
        limit = largest
    }

    private mutating func grow(by more: Int) {
        let sides = [Int](repeating: 0, count: more)
        counts = sides + counts + sides
    }

    /// Bins of twice the width, the middle between two of them.
    private mutating func widen(_ width: Float) {
        if counts.count % 4 != 0 {
            grow(by: 1)
            limit += width
        }
        let merged = stride(from: 0, to: counts.count, by: 2).map { counts[$0] + counts[$0 + 1] }
        counts = merged
    }
}
