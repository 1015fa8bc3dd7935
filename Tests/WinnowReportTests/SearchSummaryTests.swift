import Testing
import WinnowEngine
@testable import WinnowReport

@Suite struct SearchSummaryTests {
    private func summary(_ scores: [Double], _ scale: ScoreScale?) -> SearchSummary {
        let trials = scores.enumerated().map { place, score in
            SearchSummary.Point(
                title: "t\(place)", costs: [.size: Double(1000 - 100 * place), .latency: 1], score: score, isOnFront: true, isChosen: place == 1)
        }
        return SearchSummary(targets: [], quality: "metric", trials: trials, notes: [], scale: scale)
    }

    /// Parts of one are shown in %, all others as they were measured.
    @Test func scoresAreShownAsTheyWereMeasured() {
        let parts = summary([0.9, 0.875], nil)
        #expect(parts.text.contains("87.50 %") && parts.candidateSection.contains("validation (%)"))
        let own = summary([90, 89.75], ScoreScale(isPart: false))
        #expect(own.text.contains("89.75") && !own.text.contains("%") && !own.candidateSection.contains("(%)"))
        let loss = summary([-1.671, -1.75], ScoreScale(isPart: false, unit: "nats", isHigherBetter: false))
        #expect(loss.text.contains("1.671 nats") && !loss.text.contains("-1.671") && loss.candidateSection.contains("validation (nats)"))
    }
}
