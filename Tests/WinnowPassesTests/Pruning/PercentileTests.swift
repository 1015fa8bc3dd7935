import Foundation
import Testing
@testable import WinnowPasses

struct PercentileTests {
    private struct Fixture: Decodable {
        struct Case: Decodable {
            var method: String
            var values: Int
            var percents: [Double]
            var results: [Double]
        }
        var arrays: [[Double]]
        var cases: [Case]
    }

    @Test func agreesWithNumPy() throws {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/percentile", withExtension: "json"))
        let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
        #expect(Set(fixture.cases.map(\.method)) == Set(PercentileMethod.allCases.map(\.rawValue)))
        for item in fixture.cases {
            let method = try #require(PercentileMethod(rawValue: item.method))
            let sorted = fixture.arrays[item.values].sorted()
            for (percent, expected) in zip(item.percents, item.results) {
                let value = method.value(of: sorted, at: percent)
                #expect(abs(value - expected) <= 1e-12, "\(item.method) of \(sorted) at \(percent)")
            }
        }
    }
}
