import WinnowPasses
import WinnowTensor
import Yams

/// A YAML document that is a table, with errors that say which key is wrong.
struct YAMLTable {
    let values: [String: HyperparameterValue]
    private let kind: WinnowError.Kind

    init(_ text: String, _ kind: WinnowError.Kind, remedy: String = "write key: value") throws {
        self.kind = kind
        let value: HyperparameterValue
        do { value = try YAMLDecoder().decode(HyperparameterValue.self, from: text) } catch let error as WinnowError {
            throw error
        } catch {
            let sentence = "\(error)".split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
            throw WinnowError(kind, "", "is not readable YAML (\(sentence))")
        }
        guard case .table(let table) = value else { throw WinnowError(kind, "", "is no table", remedy: remedy) }
        values = table
    }

    /// Throws for any other key.
    func allowOnly(_ keys: [String]) throws {
        for key in values.keys.sorted() where !keys.contains(key) {
            throw WinnowError(kind, key, "there is no such key", remedy: Spelling.remedy(for: key, among: keys))
        }
    }

    /// One number or a list of them; nil without the key.
    func numbers(_ key: String, counts: ClosedRange<Int>) throws -> [Double]? {
        guard let value = values[key] else { return nil }
        let numbers = value.elements.compactMap(\.double)
        guard numbers.count == value.elements.count, counts.contains(numbers.count), numbers.allSatisfy(\.isFinite) else {
            let wanted = counts.count == 1 ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
            throw WinnowError(kind, key, "is \(value), not \(wanted) numbers")
        }
        return numbers
    }

    /// Whole numbers from 1 to 65,536.
    func integers(_ key: String, counts: ClosedRange<Int>) throws -> [Int]? {
        try numbers(key, counts: counts)?.map { number in
            guard let integer = Int(exactly: number), (1...65_536).contains(integer) else {
                throw WinnowError(kind, key, "\(number) is no whole number of at least 1")
            }
            return integer
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) throws -> Choice? where Choice.RawValue == String {
        guard let value = values[key] else { return nil }
        guard case .string(let text) = value, let choice = Choice(rawValue: text) else {
            throw WinnowError(
                kind, key, "is \(value)", remedy: "choose \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }
}
