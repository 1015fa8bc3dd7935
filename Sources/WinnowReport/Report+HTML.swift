import WinnowEngine
import WinnowPasses

extension Report {
    /// The report as one self-contained page: nothing is loaded, plots are inline SVG.
    public var html: String {
        let coverage = models.compactMap { model in model.coverage.map { HTML.paragraph("\(model.stage): \($0.text)") } }
        var sections = [
            Page.Section(title: "Targets", html: search?.targetSection ?? ""),
            Page.Section(title: "Before and after", html: comparison + stageTable + (coverage + caveats.map { HTML.paragraph($0, "warn") }).joined()),
            Page.Section(title: "What each runtime gains", html: runtimeSection),
            Page.Section(title: "Candidates", html: search?.candidateSection ?? ""),
            Page.Section(title: "Layers", html: layerSection),
            Page.Section(title: "What changed in the graph", html: graphSection),
        ]
        sections += roundCharts + trainingSections + spectrumSections + codeSections
        sections += [
            Page.Section(title: "Steps", html: steps.enumerated().map(stepSection).joined(separator: "\n")),
            Page.Section(title: "Weights", html: weights), Page.Section(title: "How to get the same", html: provenanceSection),
        ]
        return Page(title: title, headline: headline, lead: cards + HTML.paragraph(environmentText, "soft"), sections: sections).html
    }

    private var environmentText: String {
        environment.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: " · ")
    }

    private var cards: String {
        guard let verdict, let last = models.last else { return "" }
        let cards = [Card(size: verdict.smaller, "on disk"), Card(size: verdict.smallerZipped, "zipped")]
            + [Card(verdict.speedup, "on 1 thread"), Card(verdict.speedupOnAllThreads, "on all threads"), Card(points: verdict.top1Change)]
            + (verdict.metrics ?? []).prefix(3).map(Card.init(metric:))
            + [Card(value: Format.percent(last.sparsity, 1), caption: "of the weights are zero")]
        return "<div class='cards'>\(cards.compactMap { $0?.html }.joined())</div>"
    }

    private var comparison: String {
        HTML.table(
            "Models before and after",
            [
                "stage", "bytes on disk", "zipped bytes", "sparsity", "parameters", "MACs", "validation top-1", "test top-1 ± σ",
                "latency, 1 thread", "latency, all threads",
            ], models.map(comparisonRow)) + agreement
    }

    /// How well outputs agree with the original's, a row for each model and output.
    private var agreement: String {
        let rows = models.flatMap { model in
            (model.metrics ?? []).map { [model.stage, $0.output, $0.metric, $0.valueText] }
        }
        return rows.isEmpty ? "" : "<h3>Agreement with the original</h3>" + HTML.table("Agreement with the original", ["stage", "output", "metric", "value"], rows)
    }

    /// Median and quartiles.
    private func latencyText(_ latency: Latency?) -> String {
        guard let latency else { return "–" }
        return "\(Format.milliseconds(latency.medianMilliseconds)) "
            + "(\(Format.short(latency.lowerQuartileMilliseconds))–\(Format.short(latency.upperQuartileMilliseconds)))"
    }

    private func comparisonRow(_ model: ModelMeasurement) -> [Cell] {
        let deviation = model.top1Deviation.map { " ± " + Format.number(100 * $0, 2) } ?? ""
        let top1 = model.top1.map { Format.percent($0) + deviation } ?? "–"
        let validation = model.validationTop1.map { Format.percent($0) } ?? "–"
        let latencies = [model.latency, model.latencyOnAllThreads].map { Cell(latencyText($0), $0?.medianMilliseconds) }
        let bytes = [model.byteCount, model.zippedByteCount].map { $0.map(Format.count) ?? "–" }
        let products = model.multiplyAccumulates.map(Format.count) ?? "–"
        let sizes = [Format.percent(model.sparsity), Format.count(model.parameters), products]
        return ([model.stage] + bytes + sizes + [validation, top1]).map { Cell($0) } + latencies
    }

    private var roundCharts: [Page.Section] {
        steps.compactMap { step in
            let rounds = Self.rounds(of: step.findings)
            guard rounds.count > 1 else { return nil }
            let points = rounds.map { round in
                Chart.Point(
                    x: 100 * round.sparsity, y: 100 * round.accuracy,
                    label: "round \(round.number): \(Format.percent(round.accuracy)) at \(Format.percent(round.sparsity))",
                    isFilled: round.isAccepted)
            }
            return Page.Section(
                title: "Accuracy against sparsity: \(step.name)",
                html: Chart.line(points, x: "sparsity (%)", y: "validation (%)")
                    + HTML.paragraph("One point a round; hollow points fell out of the bound and were not kept.", "soft"))
        }
    }

    private func stepSection(_ index: Int, _ step: Step) -> String {
        let rows = step.findings.map { finding in
            [
                finding.subject, finding.round.map(String.init) ?? "", finding.status.rawValue, finding.quantity.name,
                finding.before.map(value) ?? "", finding.after.map(value) ?? "", finding.quantity.unit, finding.reason,
            ]
        }
        let settings = step.settings.isEmpty ? "" : "<p><code>\(HTML.escape(step.settings))</code></p>"
        let table = HTML.table(
            "Findings of step \(index + 1), \(step.name)", ["subject", "round", "status", "quantity", "before", "after", "unit", "remark"], rows, numbers: [1, 4, 5])
        let stayed = Self.stayedTable(of: step, index)
        let skipped = step.findings.count { [.skipped, .fellBack].contains($0.status) }
        return """
            <h3>\(index + 1). \(HTML.escape(step.name)) <span class="soft">\(Format.number(step.seconds, 1)) s</span></h3>\(settings)\(stayed)
            <details\(rows.count <= 40 ? " open" : "")><summary>\(rows.count) findings, \(skipped) skipped or fell back</summary>\
            \(table)</details>
            """
    }

    /// What was not done as it was meant, or at all, and why: a line for every reason.
    private static func stayedTable(of step: Step, _ index: Int) -> String {
        let undone = step.findings.filter { $0.status != .done && !$0.reason.isEmpty && $0.subject != "graph" }
        let groups = Dictionary(grouping: undone) { [$0.status.rawValue, $0.reason] }
        let rows = groups.sorted { ($1.value.count, $0.key[1]) < ($0.value.count, $1.key[1]) }.map { key, findings in
            let names = findings.prefix(8).map(\.subject).joined(separator: ", ") + (findings.count > 8 ? " and \(findings.count - 8) more" : "")
            return [Cell(key[1]), Cell(key[0]), Cell(Format.count(findings.count)), Cell(names)]
        }
        guard !rows.isEmpty else { return "" }
        return HTML.table("What stayed, and why, of step \(index + 1)", ["why it stayed", "status", "how many", "which"], rows, numbers: [2])
    }

    private func value(_ number: Double) -> String {
        number == number.rounded() && number.magnitude < 1e12 ? Format.count(Int(number)) : Format.number(number, 4)
    }

    private var weights: String {
        let states = [(models.first?.stage ?? "", models.first?.tensors ?? [])]
            + steps.compactMap { step in step.result.map { ("after " + step.name, $0.tensors) } }
        let sections = states.map { stage, tensors -> String in
            let figures = tensors.compactMap { tensor -> String? in
                guard let histogram = tensor.histogram else { return nil }
                return """
                    <figure>\(Chart.bars(histogram, of: tensor.name))<figcaption>\(HTML.escape(tensor.name)), \(tensor.elementType) \
                    \(tensor.shape.map(String.init).joined(separator: "×")), \(Format.percent(tensor.sparsity, 1)) zero</figcaption></figure>
                    """
            }
            guard !figures.isEmpty else { return "" }
            let opening = figures.count <= 12 ? "<details open>" : "<details>"
            return "\(opening)<summary>\(HTML.escape(stage)): \(figures.count) tensors</summary><div class='grids'>\(figures.joined(separator: "\n"))</div></details>"
        }.filter { !$0.isEmpty }
        return sections.isEmpty ? "" : HTML.paragraph("Histograms of the values that are not zero; the zeros are in the caption.", "soft") + sections.joined(separator: "\n")
    }
}
