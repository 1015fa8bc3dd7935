import WinnowTensor

/// How words become numbers.
protocol WordModel: Sendable {
    func tokens(of word: String) -> [Int]
}

/// Words as numbers, by the model that a file has; what is met again is remembered.
struct WordPieces {
    private let model: any WordModel
    private var known: [String: [Int]] = [:]

    /// Throws `.unsupported` for other models, `.data` for merges of what is no token.
    init(_ file: TokenizerFile.Words) throws {
        switch file.kind {
        case "WordPiece": model = LongestMatches(file)
        case "BPE": model = try BytePairs(file)
        case "Unigram": model = try Unigram(file)
        default:
            throw TokenizerFile.unsupported("is of the kind \(file.kind), of which WordPiece, BPE and Unigram are read")
        }
    }

    /// The tokens of a word.
    mutating func tokens(of word: String) -> [Int] {
        // Swift takes different spellings of other letters for equal.
        let isPlain = word.utf8.allSatisfy { $0 < 128 }
        if isPlain, let tokens = known[word] { return tokens }
        let tokens = model.tokens(of: word)
        if isPlain, known.count < 100_000 { known[word] = tokens }
        return tokens
    }
}

/// WordPiece: the longest token that a word begins with, then the longest that the rest does.
private struct LongestMatches: WordModel {
    private let vocabulary: Vocabulary
    private let unknown: [Int]
    private let prefix: [UInt8]
    private let limit: Int

    init(_ file: TokenizerFile.Words) {
        vocabulary = file.vocabulary
        unknown = file.unk_token.flatMap { file.vocabulary[Array($0.utf8)] }.map { [$0] } ?? []
        prefix = Array((file.continuing_subword_prefix ?? "##").utf8)
        limit = file.max_input_chars_per_word ?? 100
    }

    func tokens(of word: String) -> [Int] {
        let scalars = Array(word.unicodeScalars)
        guard scalars.count <= limit else { return unknown }
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
}

/// Byte-pair encoding: letters, merged in the order learned.
private struct BytePairs: WordModel {
    private struct Pair: Hashable {
        var left: Int
        var right: Int
    }

    private let file: TokenizerFile.Words
    private let unknown: Int?
    private let suffix: [UInt8]
    private let merges: [Pair: (rank: Int, token: Int)]

    init(_ file: TokenizerFile.Words) throws {
        guard (file.continuing_subword_prefix ?? "").isEmpty else { throw TokenizerFile.unsupported("has a prefix for pieces within words") }
        self.file = file
        unknown = file.unk_token.flatMap { file.vocabulary[Array($0.utf8)] }
        suffix = Array((file.end_of_word_suffix ?? "").utf8)
        var merges: [Pair: (rank: Int, token: Int)] = [:]
        for (rank, merge) in (file.merges ?? []).enumerated() {
            let (left, right) = (Array(merge.left.utf8), Array(merge.right.utf8))
            guard let a = file.vocabulary[left], let b = file.vocabulary[right], let token = file.vocabulary[left + right] else {
                throw WinnowError(.data, TokenizerFile.name, "merges \(merge.left) and \(merge.right), which are not all tokens", remedy: "save it again")
            }
            merges[Pair(left: a, right: b)] = (rank, token)
        }
        self.merges = merges
    }

    func tokens(of word: String) -> [Int] {
        if file.ignore_merges == true, let token = file.vocabulary[Array(word.utf8)] { return [token] }
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
            let own = Array(String(scalar).utf8)
            if let token = file.vocabulary[own + (index == scalars.count - 1 ? suffix : [])] {
                result.append(token)
                wasUnknown = false
            } else if file.byte_fallback == true, let tokens = file.vocabulary.tokens(ofBytes: own) {
                result += tokens
                wasUnknown = false
            } else if let unknown, !(wasUnknown && file.fuse_unk == true) {
                result.append(unknown)
                wasUnknown = true
            }
        }
        return result
    }
}
