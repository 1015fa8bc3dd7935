/// The tokens of a model by their bytes: Swift takes different spellings of a letter for equal, vocabularies do not.
struct Vocabulary: Sendable {
    private var numbers: [[UInt8]: Int] = [:]
    /// How likely each token is, as its logarithm; empty where the file does not tell.
    private(set) var scores: [Double] = []
    /// The bytes of the longest token.
    private(set) var longest = 0
    /// How many tokens are listed; the later of two that are the same counts.
    private(set) var count = 0

    subscript(bytes: [UInt8]) -> Int? { numbers[bytes] }

    fileprivate mutating func add(_ token: [UInt8], _ number: Int) {
        numbers[token] = number
        (longest, count) = (max(longest, token.count), count + 1)
    }

    fileprivate mutating func add(_ token: [UInt8], score: Double) {
        add(token, scores.count)
        scores.append(score)
    }

    /// Tokens that stand for single bytes, `<0x0A>`; nil unless all of them are in the vocabulary.
    func tokens(ofBytes bytes: [UInt8]) -> [Int]? {
        let tokens = bytes.compactMap { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return numbers[Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)]
        }
        return tokens.count == bytes.count ? tokens : nil
    }
}

/// Reads the tokens of a vocabulary by their bytes. Keys of a Swift dictionary are equal where Unicode takes them for one letter (é, and e with an accent
/// behind), so that a decoder would lose tokens.
struct VocabularyScanner {
    private let bytes: [UInt8]
    private var place = 0

    /// - Parameter bytes: JSON that a decoder has read already.
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// What `model.vocab` holds: numbers by token, or a list of tokens with their scores.
    mutating func vocabulary() -> Vocabulary {
        var result = Vocabulary()
        forEachKey { scanner, key in
            guard key.elementsEqual("model".utf8) else { return scanner.skip() }
            scanner.forEachKey { scanner, key in
                guard key.elementsEqual("vocab".utf8) else { return scanner.skip() }
                scanner.skipSpace()
                if scanner.byte == UInt8(ascii: "[") { return scanner.readScores(into: &result) }
                scanner.forEachKey { scanner, token in
                    if let number = Int(scanner.number()) { result.add(token, number) }
                }
            }
        }
        return result
    }

    /// `[["<unk>", 0.0], ["▁the", -3.2]]`
    private mutating func readScores(into result: inout Vocabulary) {
        place += 1
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "[") else { break }
            place += 1
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { break }
            let token = string()
            guard let score = Double(number()), score.isFinite else { break }
            result.add(token, score: score)
            skipSpace()
            guard byte == UInt8(ascii: "]") else { break }
            place += 1
        }
        if byte == UInt8(ascii: "]") { place += 1 }
    }

    private mutating func number() -> String {
        skipSpace()
        return String(decoding: scalar(), as: UTF8.self)
    }

    private var byte: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte, byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":") { place += 1 }
    }

    /// Calls `body` at the value of each key of the object that is next; anything else is passed over.
    private mutating func forEachKey(_ body: (inout VocabularyScanner, [UInt8]) -> Void) {
        skipSpace()
        guard byte == UInt8(ascii: "{") else { return skip() }
        place += 1
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { break }
            let key = string()
            skipSpace()
            body(&self, key)
        }
        place += 1
    }

    /// Passes over a value, however deep.
    private mutating func skip() {
        var depth = 0
        repeat {
            skipSpace()
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): (depth, place) = (depth + 1, place + 1)
            case UInt8(ascii: "}"), UInt8(ascii: "]"): (depth, place) = (depth - 1, place + 1)
            case UInt8(ascii: "\""): _ = string()
            case nil: return
            default: _ = scalar()
            }
        } while depth > 0
    }

    /// A number or a word.
    private mutating func scalar() -> [UInt8] {
        let start = place
        while let byte, byte > 0x20, !",:{}[]\"".utf8.contains(byte) { place += 1 }
        // What is no value is passed over too, so that scanning ends.
        if place == start { place += 1 }
        return Array(bytes[min(start, bytes.count)..<min(place, bytes.count)])
    }

    /// A string, its escapes replaced.
    private mutating func string() -> [UInt8] {
        var result: [UInt8] = []
        var units: [UInt16] = []
        place += 1
        func flush() { result += Array(String(decoding: units, as: UTF16.self).utf8); units = [] }
        while let byte, byte != UInt8(ascii: "\"") {
            place += 1
            guard byte == UInt8(ascii: "\\"), let kind = self.byte else { flush(); result.append(byte); continue }
            place += 1
            if kind == UInt8(ascii: "u") {
                let digits = bytes[place..<min(place + 4, bytes.count)]
                units.append(UInt16(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0xFFFD)
                place = min(place + 4, bytes.count)
                continue
            }
            flush()
            let plain: [UInt8: UInt8] = [UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12]
            result.append(plain[kind] ?? kind)
        }
        flush()
        place = min(place + 1, bytes.count)
        return result
    }
}
