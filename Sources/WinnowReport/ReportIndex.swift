import Foundation
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
    /// Pages that show no report: those of sensitivities, other indexes.
    package var others: [(page: String, title: String)]

    package init(title: String, entries: [Entry], others: [(page: String, title: String)] = []) {
        (self.title, self.entries, self.others) = (title, entries, others)
    }

    /// Whether a page is one that Winnow wrote.
    package static func isOurs(_ page: String) -> Bool { page.contains(Page.mark) }

    /// The title of a page that Winnow wrote; nil for any other.
    package static func title(ofOurs page: String) -> String? {
        guard isOurs(page), let head = page.components(separatedBy: "</title>").first, let start = head.range(of: "<title>") else { return nil }
        return HTML.unescape(String(head[start.upperBound...]))
    }

    package var html: String {
        let rows = entries.map { entry in
            let verdict = entry.report.verdict
            let steps = entry.report.steps.map(\.name).joined(separator: ", ")
            return [
                Cell(entry.title, link: entry.page), Self.ratio(verdict?.smaller), Self.ratio(verdict?.smallerZipped), Self.speed(verdict),
                verdict?.top1Change.map { Cell(Verdict.points($0), $0) } ?? "–", Cell(entry.page), Cell(steps), Cell(entry.headline),
            ]
        }
        let links = others.map { [Cell($0.title, link: $0.page), Cell($0.page)] }
        let header = ["report", "times smaller", "zipped", "times faster, 1 thread", "points of top-1", "file", "steps", "in words"]
        return Page(
            title: title, headline: entries.count == 1 ? "1 report." : "\(entries.count) reports.",
            sections: [
                .init(title: "Reports", html: rows.isEmpty ? "" : HTML.table("Reports", header, rows, numbers: [1, 2, 3, 4])),
                .init(title: "Other pages", html: links.isEmpty ? "" : HTML.table("Other pages", ["page", "file"], links, numbers: [])),
            ]
        ).html
    }

    private static func ratio(_ value: Double?) -> Cell { value.map { Cell("\(Format.number($0, 2))×", $0) } ?? "–" }

    private static func speed(_ verdict: Verdict?) -> Cell {
        verdict?.speedup.map { $0.isNoise ? Cell("≈", 1) : Cell("\(Format.number($0.ratio, 2))×", $0.ratio) } ?? "–"
    }
}
