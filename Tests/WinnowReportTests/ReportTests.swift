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

    /// One self-contained page: nothing is loaded, and text cannot become markup.
    @Test func pageIsSelfContainedAndEscaped() {
        let page = report.html
        #expect(page.contains("a &lt;b&gt; &amp; c"))
        #expect(!page.contains("<b> &"))
        for loader in ["src=", "href=\"http", "@import", "<script"] { #expect(!page.contains(loader)) }
    }
}
