import Foundation
import Testing
import WinnowTensor
@testable import WinnowPasses

/// Ratios by formulas that a script beside the fixture spells out in Python.
struct SensitivityTableTests {
    private struct Known: Decodable {
        struct Bound: Decodable {
            var bound: Double
            var ratios: [String: Double]
        }
        struct Search: Decodable {
            var fraction: Double
            var multiple: Int?
            var ratios: [String: Double]
            var removed: Double
        }
        var table: SensitivityTable
        var names: [String]
        var extents: [String: Int]
        var bounds: [Bound]
        var searches: [Search]

        /// Products of neighbouring widths, the input's being 3.
        func removed(_ ratios: [String: Double]) -> Double {
            func cost(_ ratios: [String: Double]) -> Double {
                let widths = [3.0] + names.map { Double(extents[$0] ?? 0) * (1 - (ratios[$0] ?? 0)) }
                return zip(widths, widths.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
            }
            return (cost([:]) - cost(ratios)) / cost([:])
        }
    }

    private func expectEqual(_ own: [String: Double], _ wanted: [String: Double], _ place: String) {
        #expect(own.keys.sorted() == wanted.keys.sorted(), "\(place)")
        for (name, ratio) in wanted { #expect(abs((own[name] ?? -1) - ratio) < 1e-12, "\(place): \(name)") }
    }

    /// A file may say anything: what is no number is refused, and what no layer can lose takes all or nothing of it.
    @Test func strengthsOfAnySize() throws {
        for text in ["nan", "inf", "-inf", "none"] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode(SensitivityTable.self, from: Data(#"{"a": {"\#(text)": 0.1}}"#.utf8)) }
        }
        for (text, ratio) in [("1e300", 0.875), ("-1e300", 0)] {
            let table = try JSONDecoder().decode(SensitivityTable.self, from: Data(#"{"a": {"\#(text)": 0.1}}"#.utf8))
            #expect(table.ratios(removing: 0.5, multiple: 8, of: ["a": 64]) { _ in 0.5 }.ratios == ["a": ratio])
        }
    }

    @Test func ratiosByLoss() throws {
        let known: Known = try fixture("sensitivities")
        for wanted in known.bounds { expectEqual(known.table.ratios(losing: wanted.bound), wanted.ratios, "\(wanted.bound)") }
        #expect(known.bounds.contains { $0.ratios.isEmpty } && known.bounds.contains { $0.ratios.count == known.names.count })
    }

    @Test func ratiosByWhatIsRemoved() throws {
        let known: Known = try fixture("sensitivities")
        for wanted in known.searches {
            let own = known.table.ratios(removing: wanted.fraction, multiple: wanted.multiple, of: known.extents) {
                known.removed($0)
            }
            expectEqual(own.ratios, wanted.ratios, "\(wanted.fraction) \(wanted.multiple ?? 0)")
            #expect(abs(own.removed - wanted.removed) < 1e-12)
        }
    }

    /// The bound that reaches a strength is the least that does.
    @Test func boundsAndStrengthsAreEachOthersInverse() throws {
        let known: Known = try fixture("sensitivities")
        for (name, curve) in known.table.curves {
            for step in 1...90 {
                let strength = Double(step) / 100
                let bound = curve.bound(reaching: strength)
                #expect(try #require(curve.strength(losing: bound)) >= strength - 1e-9, "\(name) \(strength)")
                #expect((curve.strength(losing: bound - 1e-6) ?? 0) < strength, "\(name) \(strength)")
            }
            #expect(curve.bound(reaching: 0.95) == .infinity)
        }
    }

    @Test func filesAreReadBack() throws {
        let known: Known = try fixture("sensitivities")
        #expect(try JSONDecoder().decode(SensitivityTable.self, from: known.table.json()) == known.table)
        let text = String(
            decoding: try SensitivityTable(["a.weight": .init([.init(strength: 0.1, loss: 0.5), .init(strength: 4, loss: 0)])])
                .json(), as: UTF8.self)
        #expect(text.filter { !$0.isWhitespace } == #"{"a.weight":{"0.1":0.5,"4":0}}"#)
        let path = NSTemporaryDirectory() + "sensitivity-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: WinnowError.self) { try SensitivityTable(reading: path) }
        for wrong in ["[]", #"{"a": {"b": 1}}"#, #"{"a": 1}"#] {
            try wrong.write(toFile: path, atomically: true, encoding: .utf8)
            #expect(throws: WinnowError.self, "\(wrong)") { try SensitivityTable(reading: path) }
        }
    }
}
