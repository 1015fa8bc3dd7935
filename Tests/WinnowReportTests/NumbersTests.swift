import Testing
import WinnowTensor
@testable import WinnowReport

@Suite struct NumbersTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "−1,234,567")]) func counts(value: Int, text: String) {
        #expect(Format.count(value) == text)
    }

    @Test(arguments: [(9_999, "9,999 B"), (10_000, "10.0 kB"), (12_345_678, "12.35 MB")]) func bytes(value: Int, text: String) {
        #expect(Format.bytes(value) == text)
    }

    /// What files and flags say may be more than any model costs.
    @Test(arguments: [1e300, .infinity]) func costsOfAnySize(value: Double) {
        #expect(CompressionCost.size.text(value) == Format.bytes(.max) && CompressionCost.zippedSize.text(value) == Format.bytes(.max))
        #expect(CompressionCost.multiplyAccumulates.text(value) == Format.count(.max))
    }

    /// Numbers that lie farther from each other than any number is large, or nearer than any is small.
    @Test(arguments: [[.greatestFiniteMagnitude, 1, -.greatestFiniteMagnitude], [.leastNonzeroMagnitude, 2 * .leastNonzeroMagnitude]] as [[Double]])
    func histogramsOfAnyRange(values: [Double]) {
        #expect(Histogram(of: Tensor(values))?.counts.reduce(0, +) == values.count)
    }

    @Test(arguments: [(2.5, "2.5× smaller"), (250, "250× smaller"), (1, "as large"), (0.5, "2.00× larger")])
    func sizes(ratio: Double, text: String) {
        #expect(Verdict.size(ratio) == text)
    }
}
