import WinnowTensor

/// Words as numbers: WordPiece (longest match first) or byte-pair encoding (merges in the order learned).
struct WordPieces {
    private let vocabulary: [[UInt8]: Int]
    private let file: TokenizerFile.Words
    private let unknown: Int?
    private let merges: [Pair: (rank: Int, token: Int)]
    private var known: [String: [Int]] = [:]

    private struct Pair: Hashable {
        var left: Int
        var right: Int
    }

    /// Throws `.unsupported` for other models, `.data` for merges of what is no token.
    init(_ file: TokenizerFile.Words) throws {
        guard ["BPE", "WordPiece"].contains(file.type) else {
            throw WinnowError(
                .unsupported, TokenizerFile.name, "is of the kind \(file.type), of which WordPiece and BPE are read", remedy: "tokenize with the tokenizers library and give arrays")
        }
        guard file.type == "WordPiece" || (file.continuing_subword_prefix ?? "").isEmpty else {
            throw WinnowError(.unsupported, TokenizerFile.name, "has a prefix for pieces within words", remedy: "tokenize with the tokenizers library and give arrays")
        }
        self.file = file
        let vocabulary = file.vocabulary
        self.vocabulary = vocabulary
        unknown = file.unk_token.flatMap { vocabulary[Array($0.utf8)] }
        var merges: [Pair: (rank: Int, token: Int)] = [:]
        for (rank, merge) in file.merges.enumerated() {
            let (left, right) = (Array(merge.left.utf8), Array(merge.right.utf8))
            guard let a = vocabulary[left], let b = vocabulary[right], let token = vocabulary[left + right] else {
                throw WinnowError(.data, TokenizerFile.name, "merges \(merge.left) and \(merge.right), which are not all tokens", remedy: "save it again")
            }
            merges[Pair(left: a, right: b)] = (rank, token)
        }
        self.merges = merges
    }

    /// The tokens of a word.
    mutating func tokens(of word: String) -> [Int] {
        // Swift takes different spellings of other letters for equal.
        let isPlain = word.utf8.allSatisfy { $0 < 128 }
        if isPlain, let tokens = known[word] { return tokens }
        let tokens = file.type == "WordPiece" ? longestMatches(word) : merged(word)
        if isPlain, known.count < 100_000 { known[word] = tokens }
        return tokens
    }

    private func longestMatches(_ word: String) -> [Int] {
        let scalars = Array(word.unicodeScalars)
        let unknown = unknown.map { [$0] } ?? []
        guard scalars.count <= file.max_input_chars_per_word ?? 100 else { return unknown }
        let prefix = Array((file.continuing_subword_prefix ?? "##").utf8)
        var (start, result): (Int, [Int]) = (0, [])
        while start < scalars.count {
            var bytes = start > 0 ? prefix : []
            // What each further letter makes of it; the last that is a token counts.
            var best: (end: Int, token: Int)?
            for end in start..<scalars.count {
                bytes.append(contentsOf: UTF8.encode(scalars[end]) ?? UTF8.encodedReplacementCharacter)
                if let token = vocabulary[bytes] { best = (end + 1, token) }
            }
            guard let best else { return unknown }
            result.append(best.token)
            start = best.end
        }
        return result
    }

    private func merged(_ word: String) -> [Int] {
        if file.ignore_merges == true, let token = vocabulary[Array(word.utf8)] { return [token] }
        var symbols = letters(of: word)
        while symbols.count > 1 {
            var best: (rank: Int, token: Int, place: Int)?
            for place in 0..<(symbols.count - 1) {
                guard let merge = merges[Pair(left: symbols[place], right: symbols[place + 1])] else { continue }
                if merge.rank < best?.rank ?? .max { best = (merge.rank, merge.token, place) }
            }
            guard let best else { break }
            symbols.replaceSubrange(best.place...(best.place + 1), with: [best.token])
        }
        return symbols
    }

    /// What merging begins with: a token for each letter, else for each of its bytes, else the unknown one.
    private func letters(of word: String) -> [Int] {
        let scalars = Array(word.unicodeScalars)
        var (result, wasUnknown): ([Int], Bool) = ([], false)
        for (index, scalar) in scalars.enumerated() {
            let isLast = index == scalars.count - 1
            let own = Array(String(scalar).utf8)
            let bytes = own + (isLast ? Array((file.end_of_word_suffix ?? "").utf8) : [])
            if let token = vocabulary[bytes] {
                result.append(token)
                wasUnknown = false
                continue
            }
            let fallback = file.byte_fallback == true ? own.map { vocabulary[Array("<0x\(Self.hexadecimal($0))>".utf8)] } : [nil]
            if fallback.allSatisfy({ $0 != nil }) {
                result += fallback.compactMap { $0 }
                wasUnknown = false
            } else if let unknown, !(wasUnknown && file.fuse_unk == true) {
                result.append(unknown)
                wasUnknown = true
            }
        }
        return result
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return byte < 16 ? "0" + text : text
    }
}
