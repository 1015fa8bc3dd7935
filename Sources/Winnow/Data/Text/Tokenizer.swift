import Foundation
import WinnowTensor

/// Texts as numbers, as `tokenizer.json` of the `tokenizers` library says: WordPiece, byte-pair encoding and unigram models.
struct Tokenizer {
    /// One text: its tokens, which of them it is of two, and the special tokens around.
    struct Encoding {
        var tokens: [Int]
        var types: [Int]
    }

    private let normalizer: TextNormalizer
    private let splitter: WordSplitter
    private var pieces: WordPieces
    private let raw: AddedTokens
    private let normalized: AddedTokens
    /// What stands before and after a text, and the type of its own tokens.
    private var (before, after): ([(token: Int, type: Int)], [(token: Int, type: Int)]) = ([], [])
    private var type = 0
    let padding: TokenizerFile.Padding
    private let truncation: TokenizerFile.Truncation?

    /// The most tokens that the file allows; nil: any number.
    var limit: Int? { truncation?.max_length }

    /// Throws `.data` or `.unsupported` naming what of the file is not read.
    init(reading path: String) throws {
        let file = try TokenizerFile(reading: path)
        do {
            normalizer = try TextNormalizer(file.normalizer)
            splitter = try WordSplitter(file.pre_tokenizer)
            pieces = try WordPieces(file.model)
        } catch let error as WinnowError { throw error.within(path) }
        let added = file.added_tokens ?? []
        raw = AddedTokens(added.filter { $0.normalized != true }) { $0 }
        normalized = AddedTokens(added.filter { $0.normalized == true }, normalizer.callAsFunction)
        let usual = added.first { ["[PAD]", "<pad>", "<|padding|>"].contains($0.content) }?.id ?? 0
        padding = file.padding ?? .init(pad_id: usual, pad_type_id: 0, direction: "Right")
        truncation = file.truncation
        try add(file.post_processor)
    }

    /// The special tokens around a text.
    private mutating func add(_ part: TokenizerFile.Part?) throws {
        guard let part else { return }
        switch part.type {
        case "Sequence": for part in part.processors ?? [] { try add(part) }
        case "ByteLevel": break
        case "BertProcessing", "RobertaProcessing":
            before += part.cls.map { [($0.id, 0)] } ?? []
            after += part.sep.map { [($0.id, 0)] } ?? []
        case "TemplateProcessing":
            var isBefore = true
            for piece in part.single ?? [] {
                if let item = piece.Sequence { (type, isBefore) = (item.type_id, false) }
                guard let item = piece.SpecialToken else { continue }
                let tokens = (part.special_tokens?[item.id]?.ids ?? []).map { ($0, item.type_id) }
                if isBefore { before += tokens } else { after += tokens }
            }
        default:
            throw TokenizerFile.unsupported("puts special tokens by \(part.type), which is not read")
        }
    }

    /// At most `length` tokens, special ones included.
    mutating func encode(_ text: String, length: Int) -> Encoding {
        var own: [Int] = []
        // What stands at the very beginning of the text may be given a space; what a normalizer took away stood there.
        var isFirst = true
        for segment in raw.segments(of: text) {
            switch segment {
            case .token(let token): own.append(token)
            case .text(let text):
                let form = normalizer(text)
                if form.unicodeScalars.first?.isSpace != true, text.unicodeScalars.first?.isSpace == true { isFirst = false }
                for segment in normalized.segments(of: form) {
                    switch segment {
                    case .token(let token): own.append(token)
                    case .text(let text): for word in splitter.words(of: text, isFirst: isFirst) { own += pieces.tokens(of: word) }
                    }
                    isFirst = false
                }
            }
            isFirst = false
        }
        let room = max(0, length - before.count - after.count)
        let kept = own.count <= room ? own[...] : truncation?.direction == "Left" ? own.suffix(room) : own.prefix(room)
        return Encoding(
            tokens: before.map(\.token) + kept + after.map(\.token),
            types: before.map(\.type) + [Int](repeating: type, count: kept.count) + after.map(\.type))
    }
}

/// Tokens that are found in a text before it is split into words.
struct AddedTokens {
    enum Segment {
        case token(Int)
        case text(String)
    }

    private let tokens: [(content: [Unicode.Scalar], token: TokenizerFile.Added)]

    init(_ tokens: [TokenizerFile.Added], _ form: (String) -> String) {
        // Of those that begin at one place the longest counts.
        self.tokens = tokens.map { (Array(form($0.content).unicodeScalars), $0) }.filter { !$0.content.isEmpty }
            .sorted { $0.content.count > $1.content.count }
    }

    func segments(of text: String) -> [Segment] {
        guard !tokens.isEmpty, !text.isEmpty else { return text.isEmpty ? [] : [.text(text)] }
        let scalars = Array(text.unicodeScalars)
        let firsts = Set(tokens.map { $0.content[0] })
        var (result, start, place): ([Segment], Int, Int) = ([], 0, 0)
        func close(_ end: Int) {
            guard end > start else { return }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars[start..<end])
            result.append(.text(String(view)))
        }
        while place < scalars.count {
            guard firsts.contains(scalars[place]), let found = tokens.first(where: { matches($0, scalars, at: place) }) else { place += 1; continue }
            var end = place
            if found.token.lstrip == true { while end > start, scalars[end - 1].isSpace { end -= 1 } }
            close(end)
            result.append(.token(found.token.id))
            place += found.content.count
            if found.token.rstrip == true { while place < scalars.count, scalars[place].isSpace { place += 1 } }
            start = place
        }
        close(scalars.count)
        return result
    }

    private func matches(_ entry: (content: [Unicode.Scalar], token: TokenizerFile.Added), _ scalars: [Unicode.Scalar], at place: Int) -> Bool {
        let end = place + entry.content.count
        guard end <= scalars.count, scalars[place..<end].elementsEqual(entry.content) else { return false }
        guard entry.token.single_word == true else { return true }
        func isLetter(_ index: Int) -> Bool { scalars.indices.contains(index) && (scalars[index].properties.isAlphabetic || scalars[index].properties.numericType != nil || scalars[index] == "_") }
        return !isLetter(place - 1) && !isLetter(end)
    }
}
