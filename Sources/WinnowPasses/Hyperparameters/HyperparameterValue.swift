/// The value of a hyperparameter as recipes, the command line and reports write it.
public enum HyperparameterValue: Hashable, Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case number(Double)
    case string(String)
    case list([HyperparameterValue])
    case table([String: HyperparameterValue])

    /// Reads the text after `key=` on the command line: `true`, `8`, `0.5`, `l2`, `a,b`, `[0.5, 0.8]`, `{epochs: 2}`, `[noise: 0.1]`,
    /// `"none"`, `none`.
    public init(text: String) {
        let trimmed = text.trimmingSpaces
        let parts = Self.parts(of: trimmed)
        if let body = Self.body(of: trimmed, "[", "]") {
            self = .list(Self.parts(of: body).map { part in Self.pair(part).map { .table([$0.key: $0.value]) } ?? .init(text: part) })
        } else if let body = Self.body(of: trimmed, "{", "}"), let table = Self.table(body) {
            self = .table(table)
        } else if parts.count > 1 || trimmed.hasSuffix(",") {
            self = .list(parts.map { .init(text: $0) })
        } else {
            self = Self.scalar(trimmed)
        }
    }

    private static func body(of text: String, _ open: Character, _ close: Character) -> String? {
        text.first == open && text.last == close && text.count > 1 ? String(text.dropFirst().dropLast()) : nil
    }

    /// Calls `body` with the places of characters outside brackets and quotes, which begin where an element, a key or a value does.
    private static func forEachOutside(_ text: String, _ body: (String.Index) -> Void) {
        var (depth, quote, last) = (0, Character?.none, Character?.none)
        for place in text.indices {
            let character = text[place]
            if let open = quote {
                if character == open { quote = nil }
            } else if isQuote(character), last.map({ ",:[{".contains($0) }) ?? true {
                quote = character
            } else {
                if "[{".contains(character) { depth += 1 }
                if "]}".contains(character) { depth -= 1 }
                if depth == 0 { body(place) }
            }
            if character != " " { last = character }
        }
    }

    /// What commas part outside brackets; nothing of nothing.
    private static func parts(of text: String) -> [String] {
        var (parts, start) = ([String](), text.startIndex)
        forEachOutside(text) { place in
            guard text[place] == "," else { return }
            parts.append(String(text[start..<place]))
            start = text.index(after: place)
        }
        return (parts + [String(text[start...])]).filter { !$0.trimmingSpaces.isEmpty }
    }

    /// `noise: 0.1`; nil for what is no pair, as names with colons are none.
    private static func pair(_ text: String) -> (key: String, value: HyperparameterValue)? {
        var colon: String.Index?
        forEachOutside(text) { place in
            let (before, after) = (text[..<place].last, text[text.index(after: place)...].first)
            if colon == nil, text[place] == ":", after == " " || before.map(isQuote) ?? false { colon = place }
        }
        return colon.map { pair(text, at: $0) }
    }

    private static func pair(_ text: String, at colon: String.Index) -> (key: String, value: HyperparameterValue) {
        let key = String(text[..<colon]).trimmingSpaces
        return (unquoted(key) ?? key, .init(text: String(text[text.index(after: colon)...])))
    }

    /// `epochs: 1, with: [distillation]`; nil for what is no table.
    private static func table(_ text: String) -> [String: HyperparameterValue]? {
        var table: [String: HyperparameterValue] = [:]
        for part in parts(of: text) {
            guard let pair = pair(part) ?? part.firstIndex(of: ":").map({ pair(part, at: $0) }) else { return nil }
            table[pair.key] = pair.value
        }
        return table
    }

    private static func isQuote(_ character: Character) -> Bool { character == "\"" || character == "'" }

    private static func unquoted(_ text: String) -> String? {
        guard let quote = text.first, isQuote(quote), text.last == quote, text.count > 1 else { return nil }
        return String(text.dropFirst().dropLast())
    }

    private static func scalar(_ text: String) -> HyperparameterValue {
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "none", "null": return .none
        default: break
        }
        if let text = unquoted(text) { return .string(text) }
        if let value = Int(text) { return .int(value) }
        if let first = text.first, first.isNumber || "+-.".contains(first), let value = Double(text) {
            return .number(value)
        }
        return .string(text)
    }

    /// A number, as an integer where it is one.
    init(_ number: Double) { self = Int(exactly: number).map { .int($0) } ?? .number(number) }

    /// The number, from an integer or a number.
    package var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// Two whole numbers above 0 with a sign between them, such as 2:4 or 1x4.
    func extents(parted separator: Character) -> (Int, Int)? {
        let parts = description.split(separator: separator, omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let first = parts[0], let second = parts[1], first > 0, second > 0 else { return nil }
        return (first, second)
    }

    /// The numbers of lists and tables in it, or the one that it is.
    var numbers: [Double] {
        switch self {
        case .list(let values): values.flatMap(\.numbers)
        case .table(let values): values.sorted { $0.key < $1.key }.flatMap(\.value.numbers)
        default: double.map { [$0] } ?? []
        }
    }

    /// The elements of a list; anything else is a list of itself.
    public var elements: [HyperparameterValue] {
        switch self {
        case .list(let values): values
        case .none: []
        default: [self]
        }
    }
}

extension HyperparameterValue: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .none
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let values = try? container.decode([HyperparameterValue].self) {
            self = .list(values)
        } else {
            self = .table(try container.decode([String: HyperparameterValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .table(let values): try container.encode(values)
        }
    }
}

extension HyperparameterValue {
    /// Its description, text in quotation marks.
    var quoted: String { if case .string(let text) = self { "the text \"\(text)\"" } else { description } }
}

extension HyperparameterValue: CustomStringConvertible {
    /// The text that `init(text:)` reads back.
    public var description: String {
        switch self {
        case .none: "none"
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): value
        case .list(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .table(let values):
            "{\(values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}"
        }
    }
}

extension HyperparameterValue: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: HyperparameterValue...) { self = .list(elements) }
    public init(dictionaryLiteral elements: (String, HyperparameterValue)...) {
        self = .table(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
}

extension String {
    /// The text without spaces at either end.
    var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
