import Foundation
import Testing
import WinnowTensor

@testable import WinnowFormats

@Suite struct CSVTests {
    private func table(_ text: String) throws -> CSV {
        try Array(text.utf8).withUnsafeBytes { try CSV($0, subject: "t.csv") }
    }

    @Test(arguments: ["\n", "\r\n"]) func readsNumbersAndLabels(_ end: String) throws {
        let table = try table(["x,label,y", "1,cat,-2.5e1", "", "255,\"a \"\"dog\"\"\", 0.5 "].joined(separator: end))
        #expect(table.columns == ["x", "y"])
        #expect(table.values == Tensor([1, -25, 255, 0.5] as [Float], shape: [2, 2]))
        #expect(table.labels == ["cat", "a \"dog\""])
    }

    @Test func needsNoLabels() throws {
        let table = try table("\u{FEFF}a,b\n1,2\n")
        #expect(table.columns == ["a", "b"] && table.labels == nil)
    }

    @Test(arguments: [
        ("", "is empty"), ("1,2\n3,4\n", "no header"), ("a,b\n", "no rows"), ("a,b\n1\n", "line 2: has 1 fields"),
        ("a,b\n1,2\n3,x\n", "line 3, column b: 'x' is no number"),
        ("a,b\n1,2\n3,\n", "line 3, column b: '' is no number"), ("a,b\n3\0junk,2\n", "line 2, column a: '3\\0junk' is no number"),
        ("a,b\n1,0x10\n", "line 2, column b: '0x10' is no number"), ("a,b\n1,0x1p3\n", "line 2, column b: '0x1p3' is no number"),
        ("a,b\n1,2\n1e39,2\n", "line 3, column a: '1e39' is no number that float32 holds"),
        ("a,b\n1,nan(0x1)\n", "line 2, column b: 'nan(0x1)' is no number"),
        ("a,b\n1,\"2", "without its end"),
    ]) func saysWhatIsWrong(text: String, words: String) {
        #expect(message { _ = try table(text) }.contains(words))
    }

    @Test func wordsForWhatIsNotFiniteAreRead() throws {
        let numbers = try table("v\nnan\n-inf\n+Infinity\n").values.floats()
        #expect(numbers[0].isNaN && numbers[1...] == [-.infinity, .infinity])
    }

    @Test func numbersAreRoundedAsFloatReadsThem() throws {
        let texts = ["0.1", "1e-30", "16777217", "12345678901", "-0", "7"]
        let table = try table("v\n" + texts.joined(separator: "\n"))
        #expect(table.values.floats() == texts.map { Float($0) })
    }
}
