import Foundation
import Winnow

extension Results {
    /// One table per kind of work; a ratio above 1 says how many times faster Winnow is.
    var markdown: String {
        let machine = environment.sorted { $0.key < $1.key }.map { "- \($0.key): \($0.value)" }.joined(separator: "\n")
        let tables = ModelTimer.Work.allCases.compactMap(table).joined(separator: "\n\n")
        return """
            # Results

            Written by `\(command)`. All contestants run in turn (A B A B …), \(rounds) rounds of \(seconds) s each after a
            warm-up, on the same files, random inputs and threads; times are the median over rounds of each round's median, in
            milliseconds. A ratio above 1 says how many times faster Winnow is.

            \(machine)

            \(tables)

            """
    }

    private func table(_ work: ModelTimer.Work) -> String? {
        let rows = rows.filter { $0.work == work }
        guard !rows.isEmpty else { return nil }
        var names: [String] = []
        for time in rows.flatMap(\.times) where !names.contains(time.contestant) { names.append(time.contestant) }
        let peers = names.dropFirst()
        let header = ["model", "batch", "threads"] + names + peers.map { "÷ \($0)" }
        let body = rows.map { row in
            [row.model, "\(row.batch)", "\(row.threads)"] + names.map { text(row[$0]) }
                + peers.map { peer in ratio(row, peer).map { String(format: "%.2f", $0) } ?? "–" }
        }
        let means = peers.map { peer in
            let ratios = rows.compactMap { ratio($0, peer) }
            return ratios.isEmpty ? "–" : String(format: "%.2f", exp(ratios.map { log($0) }.reduce(0, +) / Double(ratios.count)))
        }
        let last = ["geometric mean", "", ""] + names.map { _ in "" } + means
        let title = work == .inference ? "Inference" : "Training step"
        let lines = [header, header.map { _ in "---" }] + body + [last]
        return "## \(title)\n\n" + lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n") + failures(rows)
    }

    private func ratio(_ row: Row, _ peer: String) -> Double? {
        guard let ours = row.times.first?.medianMilliseconds, let theirs = row[peer], ours > 0 else { return nil }
        return theirs / ours
    }

    private func failures(_ rows: [Row]) -> String {
        let notes = Set(rows.flatMap { row in row.times.compactMap { time in time.error.map { "- \(row.model), \(time.contestant): \($0)" } } })
        return notes.isEmpty ? "" : "\n\nNot measured:\n\n" + notes.sorted().joined(separator: "\n")
    }

    private func text(_ milliseconds: Double?) -> String {
        milliseconds.map { String(format: $0 < 1 ? "%.4f" : "%.2f", $0) } ?? "–"
    }
}
