import WinnowPasses

extension Report {
    /// For each step that split layers, how the energy of each is spread over ranks, and what was kept.
    var spectrumSections: [Page.Section] {
        steps.compactMap { step in
            let ranks = step.findings.filter { $0.energy != nil && $0.quantity == .rank }
            guard !ranks.isEmpty else { return nil }
            let figures = ranks.compactMap(Self.figure)
            let opening = figures.count <= 24 ? "<details open>" : "<details>"
            let words = "The part of the energy Σσ² that the largest singular values hold, by how many of them are kept; "
                + "the line is the rank that was taken."
            return Page.Section(
                title: "Spectrum of each layer: \(step.name)",
                html: HTML.paragraph(words, "soft")
                    + "\(opening)<summary>\(figures.count) spectra</summary><div class='grids'>\(figures.joined(separator: "\n"))</div></details>"
                    + Self.energyTable(ranks, step.findings))
        }
    }

    private static func figure(_ finding: Finding) -> String? {
        guard let curve = finding.energy, let rank = finding.after.map({ Int($0) }), let count = finding.before.map({ Int($0) }) else { return nil }
        let kept = keptEnergy(finding).map { ", \(Format.percent($0, 1)) of the energy" } ?? ""
        return "<figure>\(Chart.energy(curve, rank: rank, of: count, of: finding.subject))"
            + "<figcaption>\(HTML.escape(finding.subject)): rank \(rank) of \(count)\(kept)</figcaption></figure>"
    }

    private static func keptEnergy(_ finding: Finding) -> Double? {
        guard let curve = finding.energy, let rank = finding.after.map({ Int($0) }), let place = curve.ranks.firstIndex(of: rank) else { return nil }
        return curve.energies[place]
    }

    private static func energyTable(_ ranks: [Finding], _ findings: [Finding]) -> String {
        func number(_ subject: String, _ quantity: Quantity) -> Finding? { findings.first { $0.subject == subject && $0.quantity == quantity } }
        let rows = ranks.map { finding -> [Cell] in
            let parameters = number(finding.subject, .parameters)
            let counts = [parameters?.before, parameters?.after, finding.before, finding.after]
            let errors = [Quantity.relativeChange, .layerError].map { number(finding.subject, $0)?.after }
            let kept = keptEnergy(finding).map { Cell(Format.percent($0, 1), $0, bar: $0) } ?? "–"
            return [Cell(finding.subject)] + counts.map { count in count.map { Cell(Format.count(Int($0)), $0) } ?? "–" } + [kept]
                + errors.map { error in error.map { Cell(Format.percent($0, 1), $0) } ?? "–" }
        }
        let header = ["weight", "parameters before", "parameters after", "full rank", "rank", "energy kept"]
            + ["change of the weight", "error of the outputs"]
        return HTML.table("Kept energy", header, rows)
    }
}
