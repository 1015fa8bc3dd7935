import WinnowEngine

/// Reports beside each other, a line each, as one page.
package struct ReportIndex {
    package struct Entry: Encodable {
        /// The page that shows the report, as a link from the index.
        package var page: String
        package var title: String
        package var headline: String
        fileprivate let report: Report

        package init(page: String, _ report: Report) {
            (self.page, self.report) = (page, report)
            (title, headline) = (report.title.isEmpty ? page : report.title, report.headline)
        }

        private enum CodingKeys: CodingKey { case page, title, headline }
    }

    package var title: String
    package var entries: [Entry]

    package init(title: String, entries: [Entry]) { (self.title, self.entries) = (title, entries) }

    /// Whether a page is one that Winnow wrote.
    package static func isOurs(_ page: String) -> Bool { page.contains(Page.mark) }

    package var html: String {
        let rows = entries.map { entry in
            let verdict = entry.report.verdict
            let steps = entry.report.steps.map(\.name).joined(separator: ", ")
            return [
                Cell(entry.title, link: entry.page), Self.ratio(verdict?.smaller), Self.ratio(verdict?.smallerZipped), Self.speed(verdict),
                verdict?.top1Change.map { Cell(Verdict.points($0), $0) } ?? "–", Cell(entry.page), Cell(steps), Cell(entry.headline),
            ]
        }
        let header = ["report", "times smaller", "zipped", "times faster, 1 thread", "points of top-1", "file", "steps", "in words"]
        return Page(
            title: title, headline: entries.count == 1 ? "1 report." : "\(entries.count) reports.",
            sections: [.init(title: "Reports", html: HTML.table("Reports", header, rows, numbers: [1, 2, 3, 4]))]
        ).html
    }

    private static func ratio(_ value: Double?) -> Cell { value.map { Cell("\(Format.number($0, 2))×", $0) } ?? "–" }

    private static func speed(_ verdict: Verdict?) -> Cell {
        verdict?.speedup.map { $0.isNoise ? Cell("≈", 1) : Cell("\(Format.number($0.ratio, 2))×", $0.ratio) } ?? "–"
    }
}
