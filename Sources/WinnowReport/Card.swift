import WinnowEngine

/// One figure at the top of the page, in the colour of a gain, a loss, or neither.
struct Card {
    var value: String
    var caption: String
    /// nil: neither gain nor loss.
    var isGain: Bool?

    init(value: String, caption: String, isGain: Bool? = nil) {
        self.value = value
        self.caption = caption
        self.isGain = isGain
    }

    /// How many times smaller; nil if it is not known.
    init?(size ratio: Double?, _ place: String) {
        guard let ratio else { return nil }
        let change = Verdict.change(ofSize: ratio)
        self.init(value: change?.factor ?? "1×", caption: "\(change?.word ?? "as large") \(place)", isGain: change.map { _ in ratio > 1 })
    }

    init?(_ speedup: Speedup?, _ threads: String) {
        guard let speedup else { return nil }
        guard !speedup.isNoise else { self.init(value: "≈", caption: "too noisy to tell \(threads)"); return }
        guard !speedup.isEqual else { self.init(value: "1×", caption: "as fast \(threads)"); return }
        self.init(value: speedup.factor, caption: "\(speedup.direction) \(threads)", isGain: speedup.ratio > 1)
    }

    init?(points change: Double?) {
        guard let change else { return nil }
        self.init(value: Verdict.points(change), caption: "points of top-1", isGain: change == 0 ? nil : change > 0)
    }

    init(metric: MetricResult) {
        self.init(value: metric.valueText, caption: "\(metric.metric), \(metric.output)")
    }

    var html: String {
        let kind = isGain.map { $0 ? " gain" : " loss" } ?? ""
        return "<div class='card\(kind)'><b>\(HTML.escape(value))</b>\(HTML.escape(caption))</div>"
    }
}
