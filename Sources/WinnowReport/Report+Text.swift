import WinnowEngine
import WinnowPasses

extension Report: CustomStringConvertible {
    public var description: String { text }
}

extension Report.Step {
    /// `static-quantization: 12 done, 2 kept, 0.8 s`
    public var summary: String {
        let counts = [Finding.Status.done, .kept, .skipped, .fellBack].map { status in (status, findings.count { $0.status == status }) }
        let words = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" } + ["\(Format.number(seconds, 1)) s"]
        return "\(name): \(words.joined(separator: ", "))"
    }
}

extension Report {
    /// The comparison of the models as lines for a terminal.
    public var text: String {
        let header = ["stage", "bytes", "zipped", "sparsity", "parameters", "MACs", "top-1", "1 thread", "all threads"]
        let rows = models.map { model in
            [
                model.stage, model.byteCount.map(Format.bytes) ?? "–", model.zippedByteCount.map(Format.bytes) ?? "–",
                Format.percent(model.sparsity, 1), Format.count(model.parameters), model.multiplyAccumulates.map(Format.count) ?? "–",
                model.top1.map { Format.percent($0) } ?? "–",
                model.latency.map { Format.milliseconds($0.medianMilliseconds) } ?? "–",
                model.latencyOnAllThreads.map { Format.milliseconds($0.medianMilliseconds) } ?? "–",
            ]
        }
        var lines = [summary].filter { !$0.isEmpty } + TextTable(header: header, rows: rows).lines
        for step in steps { lines += (step.findings.objectives + step.findings.undone).map { "\(step.name): \($0)" } }
        for model in models { lines += model.coverage.map { ["\(model.stage): \($0.text)"] } ?? [] }
        for model in models { lines += (model.metrics ?? []).outputLines.map { "\(model.stage): \($0)" } }
        if let top1 = models.first?.top1, let count = models.first?.sampleCount, count > 0 {
            lines.append(ModelMeasurement.deviationText(ofAccuracy: top1, count))
        }
        return (lines + caveats + [search?.text].compactMap { $0 }).joined(separator: "\n")
    }

    /// What was lost and won, and before it that integers were asked for and there are none.
    private var summary: String {
        guard let verdict else { return title }
        let words = [withoutIntegers, verdict.text].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ", ")
        return words.isEmpty ? "" : "\(title.isEmpty ? "" : title + ": ")\(words)"
    }

    var withoutIntegers: String? { steps.flatMap(\.findings).withoutIntegers }

    /// What a reader must know to read the table rightly.
    var caveats: [String] {
        guard let first = models.first, let last = models.last else { return [] }
        var lines: [String] = []
        for model in models.dropFirst() where model.sparsity > first.sparsity + 0.01 {
            guard let bytes = model.byteCount, let baseline = first.byteCount, Double(bytes) > 0.95 * Double(baseline) else {
                continue
            }
            lines.append("\(model.stage): zeros alone do not shrink this format, only its zip")
        }
        if last.speedup?.isLoss == true { lines.append("\(last.stage) is slower than \(first.stage) on this machine: not recommended for speed") }
        var seen: Set<String> = []
        return lines + models.flatMap { $0.notes ?? [] }.filter { seen.insert($0).inserted }
    }
}

/// Columns aligned for a terminal: the first to the left, the others to the right.
public struct TextTable {
    public var header: [String]
    public var rows: [[String]]

    public init(header: [String], rows: [[String]]) {
        self.header = header
        self.rows = rows
    }

    public var lines: [String] {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            zip(cells, widths).enumerated().map { index, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return index == 0 ? cell.0 + padding : padding + cell.0
            }.joined(separator: "  ")
        }
        return [line(header), widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")] + rows.map(line)
    }
}
