public import WinnowPasses

extension SensitivityResult {
    /// The losses as a table for a terminal, in hundredths, then what could not be changed, and for each strength the step of a
    /// recipe that leaves alone what loses more than `bound`.
    public func text(losing bound: Double) throws -> String {
        let table = TextTable(header: ["lost at \(hyperparameter)"] + strengths.map(Self.text), rows: rows.map { [$0] + $1 })
        let reasons = skipped.map { "\($0.name): skipped (\($0.reason))" }
        let steps = try exceptions(losing: bound).map { "- \($0.step)" }
        return ([summary] + table.lines + reasons + ["", remark(bound)] + steps).joined(separator: "\n")
    }

    private func remark(_ bound: Double) -> String {
        "For a recipe, without what loses more than \(Format.percent(bound)) by itself:"
    }

    /// The same as one self-contained page with a map of the losses.
    public func html(title: String, losing bound: Double) throws -> String {
        let names = names.filter { table.curves[$0] != nil }
        let cells = names.map { name in
            strengths.map { strength in
                loss(of: name, at: strength).map {
                    (value: $0, label: "\(name) at \(Self.text(strength)): \(Format.percent($0))")
                }
            }
        }
        let steps = try exceptions(losing: bound).map { HTML.escape("- \($0.step)") }.joined(separator: "\n")
        let reasons = skipped.map { "<p class='warn'>\(HTML.escape("\($0.name): skipped (\($0.reason))"))</p>" }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(HTML.escape(title))</title><style>\(HTML.style)</style></head><body>
            <h1>\(HTML.escape(title))</h1>
            <p>\(HTML.escape(summary))</p>
            <h2>What is lost</h2>
            <p class='soft'>The warmer, the more of the score is lost by changing this part alone; point at a cell for its number.</p>
            \(Chart.heatMap(rows: names, columns: strengths.map(Self.text), x: "\(pass): \(hyperparameter)", cells))
            <h2>In numbers</h2>
            \(HTML.table([hyperparameter] + strengths.map(Self.text), rows.map { [$0] + $1 }))
            \(reasons)
            <p>\(HTML.escape(remark(bound)))</p>
            <pre>\(steps)</pre>
            </body></html>
            """
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
