import WinnowTensor

/// A unigram language model: of all ways to cut a word into tokens the one whose scores have the largest sum (Viterbi), as SentencePiece
/// and the `tokenizers` library find it.
///
/// Kudo, Subword Regularization, ACL 2018.
struct Unigram: WordModel {
    private let vocabulary: Vocabulary
    private let unknown: Int?
    private let unknownScore: Double
    private let fallsBackToBytes: Bool
    private let longest: Int

    /// What an unknown letter costs more than the least likely token.
    private static let penalty = 10.0

    /// The best way to where it ends.
    private struct Way {
        var score: Double
        var start: Int
        var token: Int?
    }

    /// Throws `.data` for a vocabulary without scores, or an unknown token that it has not.
    init(_ file: TokenizerFile.Words) throws {
        vocabulary = file.vocabulary
        guard vocabulary.scores.count == vocabulary.count, let least = vocabulary.scores.min() else {
            throw WinnowError(.data, TokenizerFile.name, "has a Unigram vocabulary without scores", remedy: "save it again")
        }
        if let id = file.unk_id, !vocabulary.scores.indices.contains(id) {
            throw WinnowError(.data, TokenizerFile.name, "has no token \(id), which is to stand for unknown ones", remedy: "save it again")
        }
        (unknown, unknownScore, fallsBackToBytes) = (file.unk_id, least - Self.penalty, file.byte_fallback == true)
        longest = vocabulary.longest
    }

    func tokens(of word: String) -> [Int] {
        let bytes = Array(word.utf8)
        guard !bytes.isEmpty else { return [] }
        let ways = ways(through: bytes)
        // Unknown letters in a row are one piece.
        var (pieces, end): ([Range<Int>], Int) = ([], bytes.count)
        var isOpen = false
        while end > 0, let way = ways[end] {
            let isUnknown = way.token == nil || way.token == unknown
            if isUnknown, isOpen, let last = pieces.popLast() { pieces.append(way.start..<last.upperBound) } else { pieces.append(way.start..<end) }
            (isOpen, end) = (isUnknown, way.start)
        }
        return pieces.reversed().flatMap { tokens(ofPiece: Array(bytes[$0])) }
    }

    private func tokens(ofPiece bytes: [UInt8]) -> [Int] {
        if let token = vocabulary[bytes] { return [token] }
        if fallsBackToBytes, let tokens = vocabulary.tokens(ofBytes: bytes) { return tokens }
        return unknown.map { [$0] } ?? []
    }

    /// The best way to every end of a token; of equals the first found, from the left.
    private func ways(through bytes: [UInt8]) -> [Way?] {
        var ways = [Way?](repeating: nil, count: bytes.count + 1)
        func improve(_ end: Int, _ way: Way) { if way.score > ways[end]?.score ?? -.infinity { ways[end] = way } }
        var start = 0
        while start < bytes.count {
            let score = ways[start]?.score ?? 0
            let letter = Self.width(ofLetterBeginningWith: bytes[start])
            var (piece, isCovered): ([UInt8], Bool) = ([], false)
            for end in start..<min(bytes.count, start + longest) {
                piece.append(bytes[end])
                guard let token = vocabulary[piece] else { continue }
                improve(end + 1, Way(score: score + vocabulary.scores[token], start: start, token: token))
                if end + 1 - start == letter { isCovered = true }
            }
            let next = min(bytes.count, start + letter)
            if !isCovered { improve(next, Way(score: score + unknownScore, start: start)) }
            start = next
        }
        return ways
    }

    private static func width(ofLetterBeginningWith byte: UInt8) -> Int { byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4 }
}
