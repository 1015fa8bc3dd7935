import Foundation
import Testing

/// Reads a JSON file beside the tests.
func fixture<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "json"))
    return try JSONDecoder().decode(Value.self, from: Data(contentsOf: url))
}

/// Whole numbers below 1009, centred, of rows and columns: those of make_pruning.py.
func formulaNumbers(_ rows: Int, _ columns: Int, _ a: Int, _ b: Int, _ c: Int) -> [Double] {
    (0..<(rows * columns)).map { index in
        let (i, j) = (index / columns, index % columns)
        let sum: Int = i * a + j * b + (i * j % 977) * c
        let whole: Int = sum + i * i % 4801 * 13
        return Double(whole % 1009 - 504) / 504
    }
}
