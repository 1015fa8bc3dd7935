public import WinnowEngine

/// What was lost and won between the first and the last model of a report: the same figures for text, page and JSON.
public struct Verdict: Codable, Sendable {
    /// Bytes on disk before and after, as a ratio: larger than 1 is smaller.
    public var smaller: Double?
    /// The same of the zipped files.
    public var smallerZipped: Double?
    /// On one thread, and on all.
    public var speedup: Speedup?
    public var speedupOnAllThreads: Speedup?
    /// The change of test top-1, a part of 1.
    public var top1Change: Double?
    /// Agreement with the original, where there is no top-1.
    public var metrics: [MetricResult]?

    init?(_ models: [ModelMeasurement]) {
        guard let first = models.first, let last = models.last, models.count > 1 else { return nil }
        func ratio(_ a: Int?, _ b: Int?) -> Double? {
            guard let a, let b, b > 0 else { return nil }
            return Double(a) / Double(b)
        }
        smaller = ratio(first.byteCount, last.byteCount)
        smallerZipped = ratio(first.zippedByteCount, last.zippedByteCount)
        (speedup, speedupOnAllThreads) = (last.speedup, last.speedupOnAllThreads)
        if let before = first.top1, let after = last.top1 { top1Change = after - before }
        metrics = last.metrics
    }

    /// One line; a model slower than before is said first.
    public var text: String {
        var parts: [String] = []
        if let smaller { parts.append("\(Self.size(smaller)) on disk") }
        if let smallerZipped { parts.append("\(Self.size(smallerZipped)) zipped") }
        if let top1Change { parts.append("top-1 \(Self.points(top1Change)) points") }
        for metric in (metrics ?? []).prefix(2) { parts.append(metric.text) }
        let speeds = [(speedup, "1 thread"), (speedupOnAllThreads, "all threads")].compactMap { speed, threads in
            speed.map { "\($0.words) on \(threads)" }
        }
        return (speedup?.isLoss == true ? speeds + parts : parts + speeds).joined(separator: ", ")
    }

    package static func size(_ ratio: Double) -> String {
        change(ofSize: ratio).map { "\($0.factor) \($0.word)" } ?? "as large"
    }

    /// `4.0×` and `smaller`; nil where the sizes are the same.
    static func change(ofSize ratio: Double) -> (factor: String, word: String)? {
        if (0.995..<1.005).contains(ratio) { return nil }
        let digits = ratio < 1.1 ? 2 : ratio < 100 ? 1 : 0
        return ratio > 1 ? ("\(Format.number(ratio, digits))×", "smaller") : ("\(Format.number(1 / ratio, 2))×", "larger")
    }

    static func points(_ change: Double) -> String { (change >= 0 ? "+" : "−") + Format.number(100 * change.magnitude, 2) }
}
