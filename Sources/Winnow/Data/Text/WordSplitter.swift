import Foundation
import WinnowTensor

/// Where words begin and end, as `tokenizer.json` says.
struct WordSplitter {
    private enum Step: Sendable {
        /// Pieces by a pattern, and what becomes of what it matches.
        case split(WordPattern, WordPattern.Behaviour)
        /// A space before what begins with none.
        case space
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
            return (part.add_prefix_space ?? true ? [.space] : []) + (part.use_regex ?? true ? [.split(try pattern(usual), .isolated)] : []) + [.bytes]
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
            throw WinnowError(
                .unsupported, TokenizerFile.name, "splits words by \(part.type), which is not read", remedy: "tokenize with the tokenizers library and give arrays")
        }
    }

    func words(of text: String) -> [String] {
        steps.reduce([text]) { pieces, step in
            switch step {
            case .split(let pattern, let behaviour): pieces.flatMap { pattern.pieces(of: $0, behaviour) }
            case .space: pieces.map { $0.hasPrefix(" ") ? $0 : " " + $0 }
            case .bytes: pieces.map(ByteLetters.text)
            }
        }.filter { !$0.isEmpty }
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
                throw WinnowError(.unsupported, TokenizerFile.name, "splits words by the rule \(name), which is not read", remedy: "give arrays")
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
            throw WinnowError(.unsupported, TokenizerFile.name, "has the expression \(text.prefix(80)), which cannot be read", remedy: "give arrays")
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

    /// The pieces of a text; empty ones are left out.
    func pieces(of text: String, _ behaviour: Behaviour) -> [String] {
        let units = text as NSString
        var pieces: [(range: Range<Int>, matches: Bool)] = []
        var end = 0
        for range in matches(in: text) {
            if range.lowerBound > end { pieces.append((end..<range.lowerBound, isInverted)) }
            pieces.append((range, !isInverted))
            end = range.upperBound
        }
        if end < units.length { pieces.append((end..<units.length, isInverted)) }
        return Self.merged(pieces, behaviour).map { units.substring(with: NSRange(location: $0.lowerBound, length: $0.count)) }
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
