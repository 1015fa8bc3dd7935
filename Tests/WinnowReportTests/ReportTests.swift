import Foundation
import Testing
import WinnowPasses
@testable import WinnowReport

@Suite struct ReportTests {
    private let findings: [Finding] = [
        Finding("graph", .done, .sparsity, after: 0.5, round: 1),
        Finding("graph", .done, .validation("top-1"), after: 0.9, round: 1),
        Finding("graph", .done, .sparsity, after: 0.75, round: 2),
        Finding("graph", .skipped, .validation("top-1"), after: 0.7, reason: "below the bound", round: 2),
    ]

    private var report: Report {
        Report(
            title: "a <b> & c", environment: ["threads": "2"],
            models: [],
            steps: [.init(name: "iterative-pruning", settings: "{}", seconds: 1, findings: findings, result: nil)])
    }

    @Test func roundsAreReadFromFindings() {
        let rounds = Report.rounds(of: findings)
        #expect(rounds.map(\.sparsity) == [0.5, 0.75])
        #expect(rounds.map(\.isAccepted) == [true, false])
    }

    @Test func roundTripsAsJSON() throws {
        let bytes = try report.json()
        let again = try JSONDecoder().decode(Report.self, from: bytes)
        #expect(try again.json() == bytes)
    }

    /// What training went by is said where nobody said it.
    @Test func theTextTellsTheObjective() {
        var own = report
        #expect(!own.text.contains("trained on"))
        own.steps[0].findings.append(Finding("graph", .done, .objective, reason: "trained on the cross-entropy: labels"))
        #expect(own.text.contains("iterative-pruning: trained on the cross-entropy: labels"))
    }

    /// One self-contained page: nothing is loaded, and text cannot become markup.
    @Test func pageIsSelfContainedAndEscaped() {
        let page = report.html
        #expect(page.contains("a &lt;b&gt; &amp; c"))
        #expect(!page.contains("<b> &"))
        for loader in ["src=", "href=\"http", "href='http", "@import", "url(", "fetch(", "XMLHttpRequest"] { #expect(!page.contains(loader)) }
    }

    /// Reports of former versions, without layers, operators and provenance, are still read.
    @Test func formerReportsAreRead() throws {
        let old = #"{"version":1,"title":"t","environment":{},"models":[{"model":"m","stage":"s","sparsity":0,"parameters":1,"tensors":[]}],"steps":[]}"#
        let page = try JSONDecoder().decode(Report.self, from: Data(old.utf8)).html
        #expect(page.contains("<h1>t</h1>") && !page.contains(">Layers</h2>"))
    }

    /// What must be given again stands in the page, and cannot become markup.
    @Test func provenanceIsShown() throws {
        var report = report
        report.provenance = Provenance(command: "winnow run 'a<b.yaml' m.onnx", recipe: "version: 1\nsteps: []", seed: 7, data: ["d: 10 samples"])
        let page = try JSONDecoder().decode(Report.self, from: report.json()).html
        for part in ["winnow run &#39;a&lt;b.yaml&#39; m.onnx", "version: 1", "d: 10 samples", "data-v='7.0'"] { #expect(page.contains(part)) }
    }

    /// The index leads to every report, whatever its name.
    @Test func indexLeadsToReports() {
        let index = ReportIndex(title: "all", entries: [.init(page: "a%20'b.html", report)]).html
        #expect(index.contains("<a href='a%20&#39;b.html'>a &lt;b&gt; &amp; c</a>") && ReportIndex.isOurs(index))
        #expect(!ReportIndex.isOurs("<html><body>a page of somebody's</body></html>"))
        // Pages that are no reports are beside them.
        let title = "a <b> & \"c\" &lt; it's"
        let page = Page(title: title, headline: "", sections: []).html
        #expect(ReportIndex.title(ofOurs: page) == title && ReportIndex.title(ofOurs: "<title>a</title>") == nil)
        let others = ReportIndex(title: "all", entries: [], others: [("d.html", title)]).html
        #expect(others.contains("<a href='d.html'>a &lt;b&gt; &amp; &quot;c&quot; &amp;lt; it&#39;s</a>") && !others.contains(">Reports</h2>"))
    }

    /// What a cell is sorted by: groups of digits, percents and signs are numbers, words are not.
    @Test(arguments: [("1,067,012", 1_067_012), ("89.23 % ± 0.31", 89.23), ("−0.54", -0.54), ("fc1", nil), ("1×1", nil), ("–", nil), ("", nil)] as [(String, Double?)])
    func cellsKnowTheirNumbers(text: String, value: Double?) { #expect(Cell(text).value == value) }
}
