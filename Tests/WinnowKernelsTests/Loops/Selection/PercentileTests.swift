import Foundation
import Testing
import WinnowKernels
import WinnowTensor

/// Values of NumPy 2.4.6's `percentile`, written by itself.
private struct PercentileFixture: Decodable {
    var arrays: [[Double]]
    var percents: [Double]
    /// By method, array and percent.
    var values: [String: [[Double]]]

    static func load() throws -> PercentileFixture {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/percentiles", withExtension: "json"))
        return try JSONDecoder().decode(PercentileFixture.self, from: Data(contentsOf: url))
    }
}

@Suite struct PercentileTests {
    @Test(arguments: Percentile.Method.allCases) func matchesNumPy(method: Percentile.Method) throws {
        let fixture = try PercentileFixture.load()
        let expected = try #require(fixture.values[method.rawValue])
        for (array, row) in zip(fixture.arrays, expected) {
            let sorted = array.sorted()
            let floats = array.map { Float($0) }
            for (percent, value) in zip(fixture.percents, row) {
                let ours = try #require(Percentile.value(percent, ofSorted: sorted, method))
                #expect(abs(ours - value) < 1e-12, "\(method) of \(array.count) values at \(percent): \(ours), not \(value)")
                let fromFloats = floats.withUnsafeBufferPointer { Percentile.value(percent, of: [$0], method) }
                #expect(abs(try #require(fromFloats) - value) < 1e-5)
            }
        }
    }

    @Test func nothingHasNoPercentile() {
        #expect(Percentile.value(50, ofSorted: []) == nil)
        #expect(Percentile.value(50, of: []) == nil)
    }
}
