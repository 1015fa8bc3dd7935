import WinnowEngine
import WinnowPasses

extension Report {
    /// The report as one self-contained page: no scripts, no links, plots as inline SVG.
    public var html: String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(HTML.escape(title))</title><style>\(HTML.style)</style></head><body>
        <h1>\(HTML.escape(title))</h1>
        <p>\(HTML.escape(verdict?.text ?? ""))</p>
        <p class="soft">\(HTML.escape(environmentText))</p>
        \(cards)
        <h2>Before and after</h2>
        \(comparison)
        \(models.compactMap { model in model.coverage.map { "<p>\(HTML.escape("\(model.stage): \($0.text)"))</p>" } }.joined())
        \(caveats.map { "<p class='warn'>\(HTML.escape($0))</p>" }.joined())
        \(search?.html ?? "")
        \(roundCharts)
        <h2>Steps</h2>
        \(steps.enumerated().map(stepSection).joined(separator: "\n"))
        \(weights)
        </body></html>
        """
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
        let rows = models.map(comparisonRow)
        return HTML.table(
            [
                "stage", "bytes on disk", "zipped bytes", "sparsity", "parameters", "MACs", "validation top-1", "test top-1 ± σ",
                "latency, 1 thread", "latency, all threads",
            ], rows) + agreement
    }

    /// How well outputs agree with the original's, a row for each model and output.
    private var agreement: String {
        let rows = models.flatMap { model in
            (model.metrics ?? []).map { [model.stage, $0.output, $0.metric, $0.valueText] }
        }
        return rows.isEmpty ? "" : "<h2>Agreement with the original</h2>" + HTML.table(["stage", "output", "metric", "value"], rows)
    }

    /// Median and quartiles.
    private func latencyText(_ latency: Latency?) -> String {
        guard let latency else { return "–" }
        return "\(Format.milliseconds(latency.medianMilliseconds)) "
            + "(\(Format.short(latency.lowerQuartileMilliseconds))–\(Format.short(latency.upperQuartileMilliseconds)))"
    }

    private func comparisonRow(_ model: ModelMeasurement) -> [String] {
        let deviation = model.top1Deviation.map { " ± " + Format.number(100 * $0, 2) } ?? ""
        let top1 = model.top1.map { Format.percent($0) + deviation } ?? "–"
        let validation = model.validationTop1.map { Format.percent($0) } ?? "–"
        let latencies = [latencyText(model.latency), latencyText(model.latencyOnAllThreads)]
        let bytes = [model.byteCount, model.zippedByteCount].map { $0.map(Format.count) ?? "–" }
        let products = model.multiplyAccumulates.map(Format.count) ?? "–"
        let sizes = [Format.percent(model.sparsity), Format.count(model.parameters), products]
        return [model.stage] + bytes + sizes + [validation, top1] + latencies
    }

    private var roundCharts: String {
        steps.map { step in
            let rounds = Self.rounds(of: step.findings)
            guard rounds.count > 1 else { return "" }
            let points = rounds.map { round in
                Chart.Point(
                    x: 100 * round.sparsity, y: 100 * round.accuracy,
                    label: "round \(round.number): \(Format.percent(round.accuracy)) at \(Format.percent(round.sparsity))",
                    isFilled: round.isAccepted)
            }
            return "<h2>Accuracy against sparsity: \(HTML.escape(step.name))</h2>"
                + Chart.line(points, x: "sparsity (%)", y: "validation (%)")
                + "<p class='soft'>One point a round; hollow points fell out of the bound and were not kept.</p>"
        }.joined()
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
            ["subject", "round", "status", "quantity", "before", "after", "unit", "remark"], rows, numbers: [1, 4, 5])
        let skipped = step.findings.count { [.skipped, .fellBack].contains($0.status) }
        return """
            <h3>\(index + 1). \(HTML.escape(step.name)) <span class="soft">\(Format.number(step.seconds, 1)) s</span></h3>\(settings)
            <details\(rows.count <= 40 ? " open" : "")><summary>\(rows.count) findings, \(skipped) skipped or fell back</summary>\
            \(table)</details>
            """
    }

    private func value(_ number: Double) -> String {
        number == number.rounded() && number.magnitude < 1e12 ? Format.count(Int(number)) : Format.number(number, 4)
    }

    private var weights: String {
        let states = [(models.first?.stage ?? "", models.first?.tensors ?? [])]
            + steps.compactMap { step in step.result.map { ("after " + step.name, $0.tensors) } }
        let sections = states.map { stage, tensors in
            let figures = tensors.compactMap { tensor -> String? in
                guard let histogram = tensor.histogram else { return nil }
                return """
                    <figure>\(Chart.bars(histogram))<figcaption>\(HTML.escape(tensor.name)), \(tensor.elementType) \
                    \(tensor.shape.map(String.init).joined(separator: "×")), \(Format.percent(tensor.sparsity, 1)) zero</figcaption></figure>
                    """
            }
            return figures.isEmpty ? "" : "<h3>\(HTML.escape(stage))</h3><div class='grids'>\(figures.joined(separator: "\n"))</div>"
        }
        return "<h2>Weights</h2><p class='soft'>Histograms of the values that are not zero; the zeros are in the caption.</p>"
            + sections.joined(separator: "\n")
    }
}
