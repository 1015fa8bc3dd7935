extension HyperparameterValue {
    /// The value as YAML on one line, which reads back as the same value: `{ only: ["conv*"], sparsity: 0.5 }`.
    package var yaml: String {
        switch self {
        case .none: return "null"
        case .bool, .int, .number: return description
        case .string(let text): return text.isPlainYAML ? text : text.quotedYAML
        case .list(let values): return "[\(values.map(\.yaml).joined(separator: ", "))]"
        case .table(let values):
            let entries = values.sorted { $0.key < $1.key }.map { "\(HyperparameterValue.string($0.key).yaml): \($0.value.yaml)" }
            return entries.isEmpty ? "{}" : "{ \(entries.joined(separator: ", ")) }"
        }
    }
}

extension String {
    /// Words that YAML, or what reads it, takes for something else than text.
    private static let reservedYAML: Set<String> = [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "nan", "inf", "infinity",
    ]

    /// Whether YAML takes it for a text without quotes.
    fileprivate var isPlainYAML: Bool {
        guard let first = utf8.first, first.isLetter, !Self.reservedYAML.contains(lowercased()) else { return false }
        return utf8.allSatisfy { $0.isLetter || (48...57).contains($0) || "_-./".utf8.contains($0) }
    }

    fileprivate var quotedYAML: String {
        unicodeScalars.reduce(into: "\"") { text, scalar in
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case _ where scalar.value < 32 || scalar.value == 127:
                let digits = String(scalar.value, radix: 16)
                text += "\\x" + (digits.count < 2 ? "0" : "") + digits
            default: text.unicodeScalars.append(scalar)
            }
        } + "\""
    }
}

extension UInt8 {
    /// An ASCII letter.
    fileprivate var isLetter: Bool { (65...90).contains(self) || (97...122).contains(self) }
}
