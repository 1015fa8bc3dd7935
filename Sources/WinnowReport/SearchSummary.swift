public import WinnowEngine

/// What a search was asked for, and everything it measured.
public struct SearchSummary: Codable, Sendable {
    /// What a target asked for, and what came of it.
    public struct Target: Codable, Hashable, Sendable {
        /// `size`, `drop`.
        public var name: String
        public var asked: String
        public var reached: String
        public var isMet: Bool

        public init(name: String, asked: String, reached: String, isMet: Bool) {
            (self.name, self.asked, self.reached, self.isMet) = (name, asked, reached, isMet)
        }
    }

    /// One candidate.
    public struct Point: Codable, Hashable, Sendable {
        public var title: String
        /// What could not be measured is missing.
        public var costs: [CompressionCost: Double]
        /// On validation data, larger is better; −∞ where it gives what is no number, nil where there are none.
        public var score: Double?
        /// Whether no other is better in one thing and no worse in all.
        public var isOnFront: Bool
        public var isChosen: Bool

        public init(title: String, costs: [CompressionCost: Double], score: Double?, isOnFront: Bool, isChosen: Bool) {
            (self.title, self.costs, self.score, self.isOnFront, self.isChosen) = (title, costs, score, isOnFront, isChosen)
        }
    }

    public var targets: [Target]
    /// What scores are: `top-1`; nil where there are none.
    public var quality: String?
    /// In what scores are told; nil: as parts of one.
    public var scale: ScoreScale?
    /// The original first.
    public var trials: [Point]
    /// What could not be tried, and why.
    public var notes: [String]

    public init(targets: [Target], quality: String?, trials: [Point], notes: [String], scale: ScoreScale? = nil) {
        (self.targets, self.quality, self.trials, self.notes, self.scale) = (targets, quality, trials, notes, scale)
    }
}

extension SearchSummary {
    /// The targets and the front as lines for a terminal.
    public var text: String {
        let targets = targets.map { target in
            "\(target.name): \(target.reached), asked for \(target.asked): \(target.isMet ? "met" : "MISSED")"
        }
        let front = trials.filter(\.isOnFront).sorted { ($0.costs[.size] ?? 0) > ($1.costs[.size] ?? 0) }
        let table = TextTable(
            header: ["on the front", "size", "zipped", "latency", "MACs", quality ?? "score"],
            rows: front.map { [($0.isChosen ? "→ " : "  ") + $0.title] + $0.cells(scale ?? .parts) })
        return (targets + table.lines + notes).joined(separator: "\n")
    }

    /// What was asked for and what came of it.
    var targetSection: String {
        let rows = targets.map { [$0.name, $0.asked, $0.reached, $0.isMet ? "met" : "missed"] }
        return targets.isEmpty ? "" : HTML.table("Targets", ["target", "asked", "reached", "outcome"], rows)
    }

    /// Plots of the score against costs, and all trials.
    var candidateSection: String {
        let rows = trials.map { trial in
            [Cell(trial.title)] + trial.tableCells(scale ?? .parts) + [Cell(trial.isChosen ? "chosen" : trial.isOnFront ? "on the front" : "")]
        }
        let plots = [plot(.size, "size (kB)", 1e-3), plot(.latency, "latency (ms)", 1)]
        return "<div class='plots'>\(plots.joined())</div>"
            + "<p class='soft'>Full points: nothing that costs as little is better. The ringed one was chosen.</p>"
            + HTML.table(
                "Candidates", ["what was done", "size", "zipped", "latency", "MACs", quality.map { "validation \($0)" } ?? "score", "place"], rows)
            + notes.map { HTML.paragraph($0, "warn") }.joined()
    }

    private func plot(_ cost: CompressionCost, _ words: String, _ factor: Double) -> String {
        let scale = scale ?? .parts
        var points = trials.compactMap { trial -> Chart.Point? in
            guard let x = trial.costs[cost], let score = trial.score, score.isFinite else { return nil }
            return Chart.Point(
                x: x * factor, y: (scale.isPart ? 100 : 1) * scale.measured(score),
                label: "\(trial.title): \(scale.text(score)), \(cost.text(x))", isFilled: false, isChosen: trial.isChosen)
        }.sorted { ($0.x, -scale.measured($0.y)) < ($1.x, -scale.measured($1.y)) }
        guard points.count > 1 else { return "" }
        var best = -Double.infinity
        for place in points.indices where scale.measured(points[place].y) > best {
            (points[place].isFilled, best) = (true, scale.measured(points[place].y))
        }
        let front = points.filter(\.isFilled)
        return "<div><h3>\(HTML.escape(quality ?? "score")) against \(HTML.escape(words))</h3>"
            + Chart.line(
                front, others: points.filter { !$0.isFilled }, x: words, y: "validation\(scale.unitText.isEmpty ? "" : " (\(scale.unitText))")")
            + "</div>"
    }
}

extension SearchSummary.Point {
    /// Costs and score.
    fileprivate func cells(_ scale: ScoreScale) -> [String] {
        CompressionCost.allCases.map { cost in costs[cost].map(cost.text) ?? "–" } + [score.map(scale.text) ?? "–"]
    }

    fileprivate func tableCells(_ scale: ScoreScale) -> [Cell] {
        zip(cells(scale), CompressionCost.allCases.map { costs[$0] } + [score.map(scale.measured)]).map { Cell($0, $1) }
    }
}
