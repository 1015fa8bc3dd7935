import WinnowEngine

extension Report {
    /// What a reader wants to know first: how much smaller and faster, and what was lost, in one sentence; whether targets were met, in another.
    public var headline: String {
        guard let verdict, let first = models.first, let last = models.last else { return "" }
        let speed = verdict.speedup.map { speedup in
            speedup.isNoise ? "about as fast" : speedup.isEqual ? "as fast" : "\(speedup.factor) \(speedup.ratio >= 1 ? "faster" : "slower")"
        }
        let size = verdict.smaller.map(Verdict.size)
        // A model that has become slower is said first.
        let gains = [size, speed].compactMap { $0 }
        let words = (verdict.speedup?.isLoss == true ? gains.reversed() : gains).joined(separator: " and ")
        let subject = title.isEmpty ? "The model" : title
        let loss = Self.loss(verdict, first, last)
        let sentence = words.isEmpty ? "\(subject) \(loss)." : "\(subject) is now \(words), and \(loss)."
        let nothing = withoutIntegers.map { "\($0.prefix(1).uppercased())\($0.dropFirst())." }
        return [nothing, sentence, targetSentence].compactMap { $0 }.joined(separator: " ")
    }

    private static func loss(_ verdict: Verdict, _ first: ModelMeasurement, _ last: ModelMeasurement) -> String {
        if let change = verdict.top1Change, let before = first.top1, let after = last.top1 {
            let deviation = last.top1Deviation.map { "; σ of each \(Format.number(100 * $0, 2))" } ?? ""
            let numbers = "(\(Format.percent(before)) → \(Format.percent(after))\(deviation))"
            let points = Format.number(100 * change.magnitude, 2)
            return points == "0.00" ? "keeps its top-1 \(numbers)" : "\(change < 0 ? "loses" : "gains") \(points) points of top-1 \(numbers)"
        }
        guard let metric = verdict.metrics?.first else { return "was not measured for what it lost" }
        return metric.metric == Top1Agreement.name
            ? "gives the same class for \(metric.valueText) of the samples" : "has \(metric.text) beside the original"
    }

    private var targetSentence: String? {
        guard let targets = search?.targets, !targets.isEmpty else { return nil }
        let missed = targets.filter { !$0.isMet }
        guard !missed.isEmpty else {
            return targets.count == 1 ? "The target is met." : targets.count == 2 ? "Both targets are met." : "All \(targets.count) targets are met."
        }
        return missed.map { "The target of \($0.name) is missed: \($0.reached) instead of \($0.asked)." }.joined(separator: " ")
    }
}
