import Foundation
import WinnowPasses
import WinnowTensor
import Yams

/// A YAML document that is a table, with errors that say which key is wrong.
struct YAMLTable {
    let values: [String: HyperparameterValue]
    private let kind: WinnowError.Kind
    /// Aliases let a short text stand for any number of entries.
    private static let nodeLimit = 20_000

    init(_ text: String, _ kind: WinnowError.Kind, remedy: String = "write key: value") throws {
        self.kind = kind
        // Some editors mark the beginning of a text.
        let text = String(String.UnicodeScalarView(text.unicodeScalars.drop { $0 == "\u{FEFF}" }))
        let value: HyperparameterValue
        do {
            guard let node = try Yams.compose(yaml: text) else { throw WinnowError(kind, "", "is empty", remedy: remedy) }
            guard node.fits(within: Self.nodeLimit) else {
                throw WinnowError(kind, "", "has more than \(Self.nodeLimit) entries, aliases written out", remedy: "make it shorter")
            }
            value = HyperparameterValue(node)
        } catch let error as WinnowError {
            throw error
        } catch {
            let sentence = "\(error)".split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
            throw WinnowError(kind, "", "is not readable YAML (\(sentence.prefix(200))\(sentence.count > 200 ? "…" : ""))")
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

extension HyperparameterValue {
    /// What a node stands for. `2:4` is a text, not the number to the base of 60 that YAML 1.1 takes it for.
    fileprivate init(_ node: Yams.Node) {
        switch node {
        case .mapping(let mapping):
            self = .table(Dictionary(mapping.map { ($0.key.string ?? "", HyperparameterValue($0.value)) }, uniquingKeysWith: { $1 }))
        case .sequence(let sequence): self = .list(sequence.map { HyperparameterValue($0) })
        case .scalar(let scalar): self.init(scalar)
        case .alias: self = .none
        }
    }

    private init(_ scalar: Yams.Node.Scalar) {
        let isText = scalar.style == .doubleQuoted || scalar.style == .singleQuoted || scalar.string.contains(":")
        if isText, Double(scalar.string) == nil {
            self = .string(scalar.string)
        } else if NSNull.construct(from: scalar) != nil {
            self = .none
        } else if let value = Bool.construct(from: scalar) {
            self = .bool(value)
        } else if let value = Int.construct(from: scalar) {
            self = .int(value)
        } else if let value = Double.construct(from: scalar) {
            self = .number(value)
        } else {
            self = .string(scalar.string)
        }
    }
}

extension Yams.Node {
    /// Whether it and all below it are at most so many, each alias counted as what it stands for.
    fileprivate func fits(within limit: Int) -> Bool {
        var (open, count) = ([self], 0)
        while let node = open.popLast() {
            count += 1
            if let mapping = node.mapping { for (key, value) in mapping { open += [key, value] } }
            if let sequence = node.sequence { open += sequence }
            if count + open.count > limit { return false }
        }
        return true
    }
}
