public import WinnowPasses

extension SensitivityResult {
    /// The losses as a table for a terminal, in hundredths, then what could not be changed, and for each strength the step of a
    /// recipe that leaves alone what loses more than `bound`.
    public func text(losing bound: Double) throws -> String {
        let table = TextTable(header: ["lost at \(hyperparameter)"] + strengths.map(Self.text), rows: rows.map { [$0] + $1 })
        let reasons = skipped.map { "\($0.name): skipped (\($0.reason))" }
        return ([summary] + table.lines + reasons + ["", remark(bound)] + (try steps(losing: bound))).joined(separator: "\n")
    }

    /// A line for each strength at which a part is left to change.
    private func steps(losing bound: Double) throws -> [String] {
        guard !names.isEmpty else { return ["there is no part that the pass would change"] }
        let lines = try exceptions(losing: bound).filter { step in names.contains { loss(of: $0, at: step.strength).map { $0 <= bound } ?? false } }
        return lines.isEmpty ? ["every part loses more"] : lines.map { "- \($0.step)" }
    }

    private func remark(_ bound: Double) -> String {
        "For a recipe, without what loses more than \(Format.percent(bound)) by itself:"
    }

    /// The same as one self-contained page with a map of the losses, and how to get it again.
    public func html(
        title: String, losing bound: Double, environment: [String: String] = [:], provenance: Provenance? = nil
    ) throws -> String {
        let names = names.filter { table.curves[$0] != nil }
        let cells = names.map { name in
            strengths.map { strength in
                loss(of: name, at: strength).map {
                    (value: $0, label: "\(name) at \(Self.text(strength)): \(Format.percent($0))")
                }
            }
        }
        var source = Report(title: title, environment: environment, models: [], steps: [])
        source.provenance = provenance
        let steps = try steps(losing: bound).joined(separator: "\n")
        let map = HTML.paragraph("The warmer, the more of the score is lost by changing this part alone; point at a cell for its number.", "soft")
            + Chart.heatMap(rows: names, columns: strengths.map(Self.text), x: "\(pass): \(hyperparameter)", cells)
        let numbers = HTML.table("Losses in %", [hyperparameter] + strengths.map(Self.text), rows.map { [$0] + $1 })
            + skipped.map { HTML.paragraph("\($0.name): skipped (\($0.reason))", "warn") }.joined()
        return Page(
            title: title, headline: summary + ".",
            sections: [
                .init(title: "What is lost", html: map), .init(title: "In numbers", html: numbers),
                .init(title: "For a recipe", html: HTML.paragraph(remark(bound)) + HTML.listing(steps, "Steps for a recipe")),
                .init(title: "How to get the same", html: source.provenance == nil ? "" : source.provenanceSection),
            ]
        ).html
    }

    private var summary: String {
        "\(metric) \(Self.text(baseline)) before; lost parts of it, in %, by \(pass) of one part alone"
    }

    private var rows: [(name: String, losses: [String])] {
        names.filter { table.curves[$0] != nil }.map { name in
            (name, strengths.map { loss(of: name, at: $0).map { Format.number(100 * $0, 2) } ?? "–" })
        }
    }

    private static func text(_ number: Double) -> String { Format.short(number) }
}
