/// The course of a number as a row of blocks: `▁▂▅▆█`.
struct Sparkline {
    private var values: [Double] = []
    private static let blocks = Array("▁▂▃▄▅▆▇█")
    private static let limit = 256

    mutating func add(_ value: Double) {
        guard value.isFinite else { return }
        values.append(value)
        // Long courses keep every other number.
        if values.count > Self.limit { values = values.enumerated().filter { $0.offset % 2 == 1 }.map(\.element) }
    }

    /// At most `width` blocks, each the mean of as many numbers; empty for fewer than two numbers.
    func text(width: Int = 12) -> String {
        guard values.count > 1 else { return "" }
        let columns = min(width, values.count)
        let means = (0..<columns).map { column in
            let part = values[(column * values.count / columns)..<((column + 1) * values.count / columns)]
            return part.reduce(0, +) / Double(part.count)
        }
        let (low, high) = (means.min() ?? 0, means.max() ?? 0)
        return String(means.map { mean in
            let height = high > low ? (mean - low) / (high - low) : 0.5
            return Self.blocks[min(Self.blocks.count - 1, Int(height * Double(Self.blocks.count)))]
        })
    }
}
