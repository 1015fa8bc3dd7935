public import WinnowEngine

extension MetricResult {
    /// `cosine 0.9993`, `same top-1 98.20 % ± 0.40`
    public var text: String { "\(metric) \(valueText)" }

    /// `0.9993`, `98.20 % ± 0.40`
    var valueText: String {
        guard let value else { return "no number" }
        guard value.isFinite else { return value > 0 ? "without limit" : "−∞" + (unit.isEmpty ? "" : " ") + unit }
        let spread = deviation.map { " ± " + Format.number(100 * $0, 2) } ?? ""
        return unit == "%" ? Format.percent(value) + spread : Format.short(value) + (unit.isEmpty ? "" : " ") + unit
    }
}

extension ScoreScale {
    /// `%`, `dB`
    var unitText: String { isPart ? "%" : unit }

    /// What was measured, of a score: `98.20 %`, `0.3102`, `28.1 dB`
    func text(_ score: Double) -> String {
        guard score.isFinite else { return "no number" }
        return isPart ? Format.percent(measured(score)) : Format.short(measured(score)) + (unit.isEmpty ? "" : " " + unit)
    }
}

extension MetricResult: CustomStringConvertible {
    /// `logits: same top-1 98.20 % ± 0.40`; without an output where it is of the whole model: `density 50.00 %`
    public var description: String { lead + text }

    /// What tells of the output.
    fileprivate var lead: String { output == Self.wholeModel ? "" : "\(output): " }
}

extension Evaluation: CustomStringConvertible {
    /// `top-1 89.23 %, top-5 99.70 %, loss 0.3102 (10,000 samples)`
    public var description: String {
        "top-1 \(Format.percent(top1)), top-\(k) \(Format.percent(topK)), loss \(Format.number(loss, 4)) (\(Format.count(sampleCount)) samples)"
    }
}

extension [MetricResult] {
    /// A line for each output: `y: same top-1 98.20 % ± 0.40, cosine 0.9993, …`; what is of the whole model is on one without a name.
    public var outputLines: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0.output).inserted }.map { first in
            first.lead + filter { $0.output == first.output }.map(\.text).joined(separator: ", ")
        }
    }
}

extension Speedup {
    /// `1.83× faster (1.79–1.88)`, `1.25× slower (1.20–1.31)`, `as fast (0.99–1.00×)`, `too noisy to tell whether faster or slower (0.97–1.04×)`
    public var words: String {
        if isNoise { return "too noisy to tell whether faster or slower (\(Self.two(low))–\(Self.two(high))×)" }
        if isEqual { return "as fast (\(Self.two(low))–\(Self.two(high))×)" }
        return "\(factor) \(direction)"
    }

    /// `1.83×`
    var factor: String { "\(Self.two(ratio >= 1 ? ratio : 1 / ratio))×" }

    /// `faster (1.79–1.88)`
    var direction: String {
        ratio >= 1 ? "faster (\(Self.two(low))–\(Self.two(high)))" : "slower (\(Self.two(1 / high))–\(Self.two(1 / low)))"
    }

    private static func two(_ value: Double) -> String { Format.number(value, value < 10 ? 2 : 1) }

    /// Within 1 %, for certain.
    var isEqual: Bool { !isNoise && (0.99...1.01).contains(ratio) }

    /// Slower for certain.
    var isLoss: Bool { !isNoise && !isEqual && ratio < 1 }
}
