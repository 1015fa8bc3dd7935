/// The tokens of a vocabulary by their bytes. Keys of a Swift dictionary are equal where Unicode takes them for one letter (é, and e with an accent
/// behind), so that a decoder would lose tokens.
struct VocabularyScanner {
    private let bytes: [UInt8]
    private var place = 0

    /// - Parameter bytes: JSON that a decoder has read already.
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// What `model.vocab` holds.
    mutating func vocabulary() -> [[UInt8]: Int] {
        var result: [[UInt8]: Int] = [:]
        forEachKey { scanner, key in
            guard key.elementsEqual("model".utf8) else { return scanner.skip() }
            scanner.forEachKey { scanner, key in
                guard key.elementsEqual("vocab".utf8) else { return scanner.skip() }
                scanner.forEachKey { scanner, token in
                    let number = scanner.scalar()
                    if let id = Int(String(decoding: number, as: UTF8.self)) { result[token] = id }
                }
            }
        }
        return result
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
