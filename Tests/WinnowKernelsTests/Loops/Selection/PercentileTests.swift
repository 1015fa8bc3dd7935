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

    /// Of 6, 7 at 50 and of 1…10 at 37.
    @Test(arguments: [
        (.linear, 6.5, 4.33), (.lower, 6, 4), (.higher, 7, 5), (.midpoint, 6.5, 4.5), (.nearest, 6, 4), (.invertedCDF, 6, 4),
        (.averagedInvertedCDF, 6.5, 4), (.closestObservation, 6, 4), (.interpolatedInvertedCDF, 6, 3.7), (.hazen, 6.5, 4.2),
        (.weibull, 6.5, 4.07), (.medianUnbiased, 6.5, 4.156_666_666_666_667), (.normalUnbiased, 6.5, 4.1675),
    ] as [(Percentile.Method, Double, Double)])
    func methodsDiffer(_ method: Percentile.Method, _ ofTwo: Double, _ ofTen: Double) throws {
        #expect(Percentile.value(50, ofSorted: [6, 7], method) == ofTwo)
        let value = try #require(Percentile.value(37, ofSorted: (1...10).map(Double.init), method))
        #expect(abs(value - ofTen) < 1e-12)
        #expect(Percentile.value(50, ofSorted: (1...9).map(Double.init)) == 5)
    }

    @Test func nothingHasNoPercentile() {
        #expect(Percentile.value(50, ofSorted: []) == nil)
        #expect(Percentile.value(50, of: []) == nil)
    }
}
