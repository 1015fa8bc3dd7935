/// Rows of channels that lie innermost, divided among threads; several rows are taken as one wide row where channels are few.
struct ChannelRows: Sendable {
    let count: Int
    let channels: Int
    /// Neighbouring rows that are taken as one.
    private let fold: Int
    private let parts: Int

    /// Elements that make a row wide enough for loops over it.
    private static let enough = 64

    init(count: Int, channels: Int) {
        (self.count, self.channels) = (count, channels)
        fold = max(1, min(Self.enough / max(channels, 1), count))
        parts = min(ThreadCount.worth(.elements(count * channels)), max(1, count / fold))
    }

    /// Elements of a wide row.
    var width: Int { fold * channels }

    /// Bytes that `vectors` of a number for each element of a wide row take.
    func vectorByteCount(_ vectors: Int) -> Int { vectors * width * MemoryLayout<Float>.stride }
    /// Bytes of 64-byte-aligned scratch memory that `addUp` needs.
    func sumByteCount(_ sums: Int) -> Int { parts * partByteCount(sums) }

    private func partByteCount(_ sums: Int) -> Int {
        (sums * width * (MemoryLayout<Double>.stride + MemoryLayout<Float>.stride) + 63) & ~63
    }

    /// Calls `body` with the first element, the number of rows and their width, on several threads.
    func forEach(_ body: (_ start: Int, _ rows: Int, _ width: Int) -> Void) {
        Parallel.forParts(parts) { part in visit(part, body) }
    }

    private func visit(_ part: Int, _ body: (_ start: Int, _ rows: Int, _ width: Int) -> Void) {
        let wide = count / fold
        let (first, last) = (wide * part / parts, wide * (part + 1) / parts)
        if first < last { body(first * width, last - first, width) }
        let rest = count - wide * fold
        if part == parts - 1, rest > 0 { body(wide * width, rest, channels) }
    }

    /// Lets `body` add to `sums` vectors, one behind the other, and gives the totals of each channel; `partial` has room for as many
    /// float32 vectors.
    func addUp(
        _ sums: Int, scratch: UnsafeMutableRawPointer,
        _ body: (_ start: Int, _ rows: Int, _ width: Int, _ sums: UnsafeMutablePointer<Double>, _ partial: UnsafeMutablePointer<Float>) ->
            Void,
        total: (_ channel: Int, _ sum: (Int) -> Double) -> Void
    ) {
        func totals(_ part: Int) -> UnsafeMutablePointer<Double> {
            (scratch + part * partByteCount(sums)).assumingMemoryBound(to: Double.self)
        }
        Parallel.forParts(parts) { part in
            let own = totals(part)
            own.update(repeating: 0, count: sums * width)
            let partial = UnsafeMutableRawPointer(own + sums * width).assumingMemoryBound(to: Float.self)
            visit(part) { start, rows, width in body(start, rows, width, own, partial) }
        }
        for channel in 0..<channels {
            total(channel) { index in
                var sum = 0.0
                for part in 0..<parts {
                    for row in 0..<fold { sum += totals(part)[index * width + row * channels + channel] }
                }
                return sum
            }
        }
    }

    /// Writes a number for each channel into a vector over a wide row.
    func fill(_ vector: UnsafeMutablePointer<Float>, _ value: (Int) -> Float) {
        for channel in 0..<channels { vector[channel] = value(channel) }
        for row in 1..<max(fold, 1) { (vector + row * channels).update(from: vector, count: channels) }
    }
}
