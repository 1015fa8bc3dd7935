import Testing
@testable import WinnowReport

@Suite struct NumbersTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "−1,234,567")]) func counts(value: Int, text: String) {
        #expect(Format.count(value) == text)
    }

    @Test(arguments: [(9_999, "9,999 B"), (10_000, "10.0 kB"), (12_345_678, "12.35 MB")]) func bytes(value: Int, text: String) {
        #expect(Format.bytes(value) == text)
    }

    @Test(arguments: [(2.5, "2.5× smaller"), (250, "250× smaller"), (1, "as large"), (0.5, "2.00× larger")])
    func sizes(ratio: Double, text: String) {
        #expect(Verdict.size(ratio) == text)
    }
}
