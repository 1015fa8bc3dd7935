import Foundation
import WinnowTensor

/// Where words begin and end, as `tokenizer.json` says.
struct WordSplitter {
    private enum Step: Sendable {
        /// Pieces by a pattern, and what becomes of what it matches.
        case split(WordPattern, WordPattern.Behaviour)
        /// A mark before what begins with none: before every piece, or before that with which the text begins.
        case prefix(String, always: Bool)
        /// A mark for each space.
        case spaces(String)
        /// Bytes as visible characters.
        case bytes
    }

    private let steps: [Step]

    /// Throws `.unsupported` for a kind that is not read.
    init(_ part: TokenizerFile.Part?) throws { steps = try part.map(Self.steps) ?? [] }

    private static let usual = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

    private static func steps(_ part: TokenizerFile.Part) throws -> [Step] {
        func pattern(_ text: String) throws -> WordPattern { try WordPattern(.init(Regex: text, String: nil)) }
        let behaviour = try part.behavior.map(WordPattern.Behaviour.init(named:)) ?? .isolated
        switch part.type {
        case "Sequence": return try (part.pretokenizers ?? []).flatMap(steps)
        case "ByteLevel":
            return (part.add_prefix_space ?? true ? [.prefix(" ", always: true)] : []) + (part.use_regex ?? true ? [.split(try pattern(usual), .isolated)] : []) + [.bytes]
        case "Metaspace": return try metaspace(part)
        case "BertPreTokenizer": return [.split(try pattern("\\s"), .removed), .split(WordPattern(where: { $0.isPunctuation }), .isolated)]
        case "WhitespaceSplit": return [.split(try pattern("\\s"), .removed)]
        case "Whitespace": return [.split(try pattern("\\w+|[^\\w\\s]+").inverted, .removed)]
        case "Punctuation": return [.split(WordPattern(where: { $0.isPunctuation }), behaviour)]
        case "Digits":
            let isSingle = part.individual_digits ?? false
            return [.split(WordPattern(where: { [.decimalNumber, .letterNumber, .otherNumber].contains($0.properties.generalCategory) }), isSingle ? .isolated : .contiguous)]
        case "Split":
            let own = try WordPattern(part.pattern)
            return [.split(part.invert == true ? own.inverted : own, behaviour)]
        default:
            throw TokenizerFile.unsupported("splits words by \(part.type), which is not read")
        }
    }

    /// SentencePiece's way: `▁` for spaces, with which words begin.
    private static func metaspace(_ part: TokenizerFile.Part) throws -> [Step] {
        let mark = part.replacement ?? "\u{2581}"
        let scheme = part.prepend_scheme ?? (part.add_prefix_space ?? true ? "always" : "never")
        guard ["always", "first", "never"].contains(scheme) else { throw TokenizerFile.unsupported("puts \(mark) before words by the rule \(scheme), which is not read") }
        let prefix: [Step] = scheme == "never" ? [] : [.prefix(mark, always: scheme == "always")]
        return try [.spaces(mark)] + prefix + (part.split ?? true ? [.split(WordPattern(.init(Regex: nil, String: mark)), .next)] : [])
    }

    /// A part of a text; whether the text begins with it.
    private struct Piece {
        var text: String
        var isFirst: Bool
    }

    /// - Parameter isFirst: whether `text` begins what is tokenized.
    func words(of text: String, isFirst: Bool = true) -> [String] {
        steps.reduce([Piece(text: text, isFirst: isFirst)]) { pieces, step in
            switch step {
            case .split(let pattern, let behaviour):
                pieces.flatMap { piece in pattern.ranges(in: piece.text, behaviour).map { Piece(text: $1, isFirst: piece.isFirst && $0 == 0) } }
            case .prefix(let mark, let always):
                pieces.map { piece in
                    let isLacking = (always || piece.isFirst) && !piece.text.utf8.starts(with: mark.utf8)
                    return Piece(text: isLacking ? mark + piece.text : piece.text, isFirst: piece.isFirst)
                }
            case .spaces(let mark): pieces.map { Piece(text: Self.replacingSpaces(in: $0.text, by: mark), isFirst: $0.isFirst) }
            case .bytes: pieces.map { Piece(text: ByteLetters.text($0.text), isFirst: $0.isFirst) }
            }
        }.map(\.text).filter { !$0.isEmpty }
    }

    /// Also those with an accent of their own, which Swift takes for one letter.
    private static func replacingSpaces(in text: String, by mark: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { if scalar == " " { result.append(contentsOf: mark.unicodeScalars) } else { result.append(scalar) } }
        return String(result)
    }
}

/// The 256 bytes as visible characters, in the manner of GPT-2.
enum ByteLetters {
    private static let letters: [Unicode.Scalar] = {
        let plain = Array(33...126) + Array(161...172) + Array(174...255)
        var next: UInt32 = 256
        return (0..<256).map { byte in
            if plain.contains(byte) { return Unicode.Scalar(UInt8(byte)) }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? " "
        }
    }()

    static func text(_ word: String) -> String {
        var result = String.UnicodeScalarView()
        for byte in word.utf8 { result.append(letters[Int(byte)]) }
        return String(result)
    }
}

/// What of a text matches.
struct WordPattern: Sendable {
    /// What becomes of what matches.
    enum Behaviour: String, Sendable {
        case removed = "Removed", isolated = "Isolated", previous = "MergedWithPrevious", next = "MergedWithNext", contiguous = "Contiguous"

        init(named name: String) throws {
            guard let value = Behaviour(rawValue: name) else {
                throw TokenizerFile.unsupported("splits words by the rule \(name), which is not read")
            }
            self = value
        }
    }

    private enum Kind: Sendable {
        case expression(Expression)
        case scalars(@Sendable (Unicode.Scalar) -> Bool)
    }

    /// Immutable, and used by many threads.
    private struct Expression: @unchecked Sendable { let value: NSRegularExpression }

    private let kind: Kind
    private var isInverted = false

    init(where matches: @escaping @Sendable (Unicode.Scalar) -> Bool) { kind = .scalars(matches) }

    /// Throws `.unsupported` for an expression that cannot be read.
    init(_ pattern: TokenizerFile.Pattern?) throws {
        let text = pattern?.Regex ?? NSRegularExpression.escapedPattern(for: pattern?.String ?? "")
        do { kind = .expression(Expression(value: try NSRegularExpression(pattern: text))) } catch {
            throw TokenizerFile.unsupported("has the expression \(text.prefix(80)), which cannot be read")
        }
    }

    /// What does not match in place of what does.
    var inverted: WordPattern {
        var result = self
        result.isInverted.toggle()
        return result
    }

    /// The ranges of UTF-16 units that match, in order.
    func matches(in text: String) -> [Range<Int>] {
        let length = (text as NSString).length
        let found: [Range<Int>]
        switch kind {
        case .expression(let expression):
            found = expression.value.matches(in: text, range: NSRange(location: 0, length: length)).map { $0.range.location..<($0.range.location + $0.range.length) }
        case .scalars(let matches):
            var place = 0
            found = text.unicodeScalars.compactMap { scalar in
                defer { place += UTF16.width(scalar) }
                return matches(scalar) ? place..<(place + UTF16.width(scalar)) : nil
            }
        }
        return found.filter { !$0.isEmpty }
    }

    /// The pieces of a text and where they begin; empty ones are left out.
    func ranges(in text: String, _ behaviour: Behaviour) -> [(start: Int, text: String)] {
        let units = text as NSString
        var pieces: [(range: Range<Int>, matches: Bool)] = []
        var end = 0
        for range in matches(in: text) {
            if range.lowerBound > end { pieces.append((end..<range.lowerBound, isInverted)) }
            pieces.append((range, !isInverted))
            end = range.upperBound
        }
        if end < units.length { pieces.append((end..<units.length, isInverted)) }
        return Self.merged(pieces, behaviour).map { ($0.lowerBound, units.substring(with: NSRange(location: $0.lowerBound, length: $0.count))) }
    }

    private static func merged(_ pieces: [(range: Range<Int>, matches: Bool)], _ behaviour: Behaviour) -> [Range<Int>] {
        switch behaviour {
        case .removed: return pieces.filter { !$0.matches }.map(\.range)
        case .isolated: return pieces.map(\.range)
        case .contiguous:
            return join(pieces) { $0.matches && $1.matches }
        case .previous:
            return join(pieces) { !$0.matches && $1.matches }
        case .next:
            return join(pieces) { $0.matches && !$1.matches }
        }
    }

    /// Pieces with those joined of which the last and the next belong together.
    private static func join(
        _ pieces: [(range: Range<Int>, matches: Bool)], _ belong: (_ last: (range: Range<Int>, matches: Bool), _ next: (range: Range<Int>, matches: Bool)) -> Bool
    ) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for (index, piece) in pieces.enumerated() {
            if index > 0, belong(pieces[index - 1], piece), let last = result.popLast() {
                result.append(last.lowerBound..<piece.range.upperBound)
            } else {
                result.append(piece.range)
            }
        }
        return result
    }
}
