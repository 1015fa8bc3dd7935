import Foundation
import Winnow

extension Results {
    /// Targets first, then one table for each kind of work; a ratio above 1 says how many times faster Winnow is.
    var markdown: String {
        let machine = environment.sorted { $0.key < $1.key }.map { "- \($0.key): \($0.value)" }
        let sections = [targetSection] + Row.Precision.allCases.map(inferenceSection)
            + [coldSection, contractionSection, trainingSection, passSection, quantizationSection, leftOutSection]
        return """
            # Results

            Written by `\(command)`. All contestants run in turn (A B A B …), \(rounds) rounds of \(seconds) s each after a
            warm-up, on the same files, random inputs and threads; times are the median over rounds of each round's median, in
            milliseconds, with the 95th percentile in parentheses. A ratio above 1 says how many times faster Winnow is. Architectures
            have random weights, which times do not depend on. MNN, ncnn and DeepSparse are timed only where their results are ONNX
            Runtime's to 0.001 (0.05 where data are quantized); MNN's converter looks for zeros (`detectSparseSpeedUp`), ncnn packs,
            stores and computes nothing in 16 bits. `RESULTS.json` has every number and the steps of every plan.

            \((machine + peakLines).joined(separator: "\n"))

            \(sections.compactMap { $0 }.joined(separator: "\n\n"))

            """
    }

    private var peakLines: [String] {
        peaks.map {
            let rate = String(format: "%.0f", 2 * $0.gigaMultiplyAccumulatesPerSecond)
            return "- peak, \($0.precision.rawValue), \($0.threads) thread\($0.threads == 1 ? "" : "s"): \(rate) · 10⁹ operations a second"
        }
    }

    private var threadCounts: [Int] { Set(rows.map(\.threads)).sorted() }

    // MARK: - Targets

    private var targetSection: String? {
        let header = ["work", "against", "at least"] + threadCounts.flatMap { ["\($0) thread\($0 == 1 ? "" : "s")", "lowest"] }
        let body = targets.map { target in
            [target.work, target.against, number(target.goal)] + threadCounts.flatMap { threads -> [String] in
                let ratios = target.ratios(threads: threads)
                guard let lowest = ratios.min(by: { $0.ratio < $1.ratio }), let mean = geometricMean(ratios.map(\.ratio)) else { return ["–", "–"] }
                return ["\(number(mean)) \(mean >= target.goal ? "✓" : "✗")", "\(number(lowest.ratio)) (\(lowest.row.model), \(lowest.row.batch))"]
            }
        }
        let inspected = inspection.map {
            "\n\n`winnow inspect` of \($0.model) (\(number(Double($0.byteCount) / 1e6)) MB), whole process: "
                + "\(number($0.processorMilliseconds)) ms of processor time; at most 60 ms."
        }
        return "## Targets\n\nGeometric means of the ratios below over models and batches; lowest: model and batch.\n\n"
            + MarkdownTable(header: header, rows: body).text + (inspected ?? "")
    }

    // MARK: - Inference

    private func inferenceSection(_ precision: Row.Precision) -> String? {
        let rows = rows.filter { $0.work == .inference && $0.precision == precision }
        let title = [
            Row.Precision.float32: "float32", .int8: "static int8, quantized by winnow", .dynamic: "dynamic int8",
            .weightOnly: "int8 weights, float arithmetic",
        ]
        let table = section("Inference: \(title[precision] ?? "")", rows, warm)
        let note = "\n\nNot among the targets: OpenVINO quantizes the data of such models too, of its own accord."
        return precision == .weightOnly ? table.map { $0 + note } : table
    }

    private func warm(_ time: Row.Time) -> String {
        time.medianMilliseconds.map { text($0) + (time.percentile95Milliseconds.map { " (\(text($0)))" } ?? "") } ?? "–"
    }

    private var coldSection: String? {
        let rows = rows.filter { $0.work == .inference }.compactMap { row -> Row? in
            var row = row
            row.times = row.times.map { time in
                var time = time
                time.medianMilliseconds = time.coldMilliseconds
                return time
            }
            return row.times.contains { $0.coldMilliseconds != nil } ? row : nil
        }
        return section("Inference, caches emptied before each execution", rows) { $0.coldMilliseconds.map(text) ?? "–" }
    }

    private func section(_ title: String, _ rows: [Row], _ cell: (Row.Time) -> String) -> String? {
        guard !rows.isEmpty else { return nil }
        let names = contestants(rows)
        let peers = names.filter { !$0.hasPrefix(Contestant.ours) }
        let body = rows.map { row in
            [row.model, "\(row.batch)", "\(row.threads)"] + names.map { row[$0].map(cell) ?? "–" }
                + peers.map { row.ratio(over: $0).map(number) ?? "–" } + [row.ratio(overBestOf: peers).map(number) ?? "–"]
        }
        let ratios = peers.map { peer in rows.compactMap { $0.ratio(over: peer) } } + [rows.compactMap { $0.ratio(overBestOf: peers) }]
        let means = ratios.map { geometricMean($0).map(number) ?? "–" }
        let header = ["model", "batch", "threads"] + names + peers.map { "÷ \($0)" } + ["÷ best peer"]
        let table = MarkdownTable(header: header, rows: body + [["geometric mean", "", ""] + names.map { _ in "" } + means])
        return "## \(title)\n\n\(table.text)\(failures(rows))"
    }

    private func contestants(_ rows: [Row]) -> [String] {
        var names: [String] = []
        for time in rows.flatMap(\.times) where !names.contains(time.contestant) { names.append(time.contestant) }
        return names
    }

    private func failures(_ rows: [Row]) -> String {
        let notes = Set(rows.flatMap { row in row.times.compactMap { time in time.error.map { "- \(row.model), \(time.contestant): \($0)" } } })
        return notes.isEmpty ? "" : "\n\nNot measured:\n\n" + notes.sorted().joined(separator: "\n")
    }

    // MARK: - Contractions

    /// Where the time of each model goes, and how near its contractions are to the peak.
    private var contractionSection: String? {
        let body = rows.filter { $0.work == .inference }.compactMap { row -> [String]? in
            guard let peak = peak(row), !row.contractions.isEmpty else { return nil }
            let time = row.contractions.reduce(0) { $0 + $1.medianMilliseconds }
            let work = row.contractions.reduce(0) { $0 + Double($1.multiplyAccumulates ?? 0) }
            guard time > 0, let whole = row.stepsMilliseconds, let longest = row.contractions.max(by: { $0.medianMilliseconds < $1.medianMilliseconds }) else { return nil }
            let other = row.steps.filter { $0.multiplyAccumulates == nil }.max { $0.medianMilliseconds < $1.medianMilliseconds }
            return [
                row.model, "\(row.batch)", "\(row.threads)", percent(time / whole), percent(work / time / 1e6 / peak),
                "\(longest.operatorType) \(shape(longest)): \(percent((longest.gigaMultiplyAccumulatesPerSecond ?? 0) / peak))",
                other.map { "\($0.operatorType) \(shape($0)): \(percent($0.share))" } ?? "–",
                row.plannedByteCount.map { number(Double($0) / 1e6) } ?? "–",
            ]
        }
        guard !body.isEmpty else { return nil }
        let header = [
            "model", "batch", "threads", "time in contractions", "their share of the peak", "longest: share of the peak",
            "longest other step: share of the time", "intermediate values, MB",
        ]
        return "## Winnow's contractions\n\n" + MarkdownTable(header: header, rows: body).text
    }

    private func shape(_ step: PlanStepTiming) -> String { step.outputShape.map(String.init).joined(separator: "×") }

    // MARK: - Training and quantization

    private var trainingSection: String? {
        let rows = rows.filter { $0.work == .training && $0.passes.isEmpty }
        return section("Training step", rows, warm)
    }

    /// What a pass adds to a step, beside what its contractions predict.
    private var passSection: String? {
        let body = rows.filter { $0.work == .training && !$0.passes.isEmpty }.map { row -> [String] in
            let plain = rows.first {
                $0.work == .training && $0.passes.isEmpty && $0.model == row.model && $0.batch == row.batch && $0.threads == row.threads
            }
            let start = [row.model, row.passes.joined(separator: ", "), "\(row.batch)", "\(row.threads)"]
            guard let time = row[Contestant.ours]?.medianMilliseconds, let before = plain?[Contestant.ours]?.medianMilliseconds,
                let work = row.multiplyAccumulates, let workBefore = plain?.multiplyAccumulates, row.forwardMultiplyAccumulates > 0
            else { return start + ["–", "–", "–", row[Contestant.ours]?.error ?? "–"] }
            // Forward, the gradients of the data and those of the weights take the same.
            let predicted = 1 + Double(work - workBefore) / Double(3 * row.forwardMultiplyAccumulates)
            return start + [text(time), number(time / before), number(predicted), number(time / before / predicted)]
        }
        guard !body.isEmpty else { return nil }
        let header = ["model", "pass", "batch", "threads", "step, ms", "÷ plain step", "predicted by multiply–accumulates", "quotient (≤ 1.3)"]
        return "## Steps with passes\n\nTeachers are the model itself.\n\n" + MarkdownTable(header: header, rows: body).text
    }

    private var quantizationSection: String? {
        let rows = rows.filter { $0.work == .quantization }
        return section("Static quantization", rows) { $0.medianMilliseconds.map(text) ?? "–" }.map {
            $0 + "\n\nFrom file to file with the same samples: winnow's whole process; onnxruntime's `quantize_static` without start and imports."
        }
    }

    private var leftOutSection: String? {
        leftOut.isEmpty ? nil : "## Left out\n\n" + leftOut.map { "- \($0)" }.joined(separator: "\n")
    }

    private func text(_ milliseconds: Double) -> String { String(format: milliseconds < 1 ? "%.4f" : "%.2f", milliseconds) }
    private func number(_ value: Double) -> String { String(format: "%.2f", value) }
    private func percent(_ value: Double) -> String { String(format: "%.0f %%", 100 * value) }
}
