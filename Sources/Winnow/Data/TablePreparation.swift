import Foundation
import WinnowFormats
import WinnowTensor

/// How the columns of CSV files are scaled, as `tables.yaml` beside them says: one number, or one for each column in order.
///
/// ```yaml
/// mean: [5.1, 3.5]       # x becomes (x − mean) / std
/// std: [0.8, 0.4]
/// ```
/// ```yaml
/// min: 0                 # x becomes (x − min) / (max − min)
/// max: 255
/// ```
struct TablePreparation {
    var offsets = [0.0]
    var scales = [1.0]

    static let fileName = "tables.yaml"

    /// What is done to columns, in words to follow others.
    var words: String { offsets == [0] && scales == [1] ? "" : ", columns scaled as \(Self.fileName) says" }
}

extension TablePreparation {
    /// From the file beside `table` or in the nearest folder around it; without one, columns stay as they are.
    init(beside table: String) throws {
        let folder = URL(fileURLWithPath: table).deletingLastPathComponent().path
        guard let path = nearestFile(Self.fileName, from: folder), let bytes = FileManager.default.contents(atPath: path) else {
            self.init()
            return
        }
        do { try self.init(yaml: String(decoding: bytes, as: UTF8.self)) } catch let error as WinnowError {
            throw error.within(path)
        }
    }

    init(yaml text: String) throws {
        self.init()
        let table = try YAMLTable(text, .data)
        try table.allowOnly(["mean", "std", "min", "max"])
        func numbers(_ key: String) throws -> [Double]? { try table.numbers(key, counts: 1...1_000_000) }
        let (mean, std) = (try numbers("mean"), try numbers("std"))
        let (low, high) = (try numbers("min"), try numbers("max"))
        guard (mean ?? std) == nil || (low ?? high) == nil else {
            throw WinnowError(.data, "", "has both mean or std and min or max", remedy: "keep one pair")
        }
        offsets = mean ?? low ?? [0]
        scales = std ?? [1]
        if low != nil || high != nil {
            let (low, high) = (low ?? [0], high ?? [1])
            guard low.count == high.count || low.count == 1 || high.count == 1 else {
                throw WinnowError(.data, "max", "has \(high.count) numbers, min \(low.count)")
            }
            scales = (0..<max(low.count, high.count)).map { high[$0 % high.count] - low[$0 % low.count] }
        }
        guard scales.allSatisfy({ $0 > 0 }) else {
            throw WinnowError(.data, std == nil ? "max" : "std", "is not above \(std == nil ? "min" : "0")")
        }
    }

    /// The columns scaled; throws if they are not as many as the numbers.
    func scaled(_ table: CSV, subject: String) throws -> Tensor {
        let count = table.columns.count
        for numbers in [offsets, scales] where numbers.count != 1 && numbers.count != count {
            throw WinnowError(
                .data, subject, "has \(count) columns, but \(Self.fileName) numbers for \(numbers.count)",
                remedy: "give one, or one for each column but the label")
        }
        if offsets == [0], scales == [1] { return table.values }
        var result = table.values
        result.withMutableElements(Float.self) { values in
            for index in values.indices {
                let column = index % count
                values[index] = Float((Double(values[index]) - offsets[column % offsets.count]) / scales[column % scales.count])
            }
        }
        return result
    }
}
