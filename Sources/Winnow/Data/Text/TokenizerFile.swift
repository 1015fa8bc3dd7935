import Foundation
import WinnowTensor

/// `tokenizer.json` of the `tokenizers` library, as far as it is read.
struct TokenizerFile: Decodable {
    /// A part of the pipeline: its type, and the settings of all types.
    struct Part: Decodable {
        var type: String
        // Normalizers.
        var normalizers: [Part]?
        var clean_text: Bool?
        var handle_chinese_chars: Bool?
        var strip_accents: Bool?
        var lowercase: Bool?
        var content: String?
        var prepend: String?
        var strip_left: Bool?
        var strip_right: Bool?
        var precompiled_charsmap: String?
        // Splitting into words.
        var pretokenizers: [Part]?
        var add_prefix_space: Bool?
        var replacement: String?
        var prepend_scheme: String?
        var split: Bool?
        var use_regex: Bool?
        var pattern: Pattern?
        var behavior: String?
        var invert: Bool?
        var individual_digits: Bool?
        // Special tokens around.
        var processors: [Part]?
        var single: [TemplatePiece]?
        var special_tokens: [String: Special]?
        var cls: Pair?
        var sep: Pair?
    }

    struct Pattern: Decodable {
        var Regex: String?
        var String: String?
    }

    struct TemplatePiece: Decodable {
        struct Item: Decodable {
            var id: String
            var type_id: Int
        }

        var SpecialToken: Item?
        var Sequence: Item?
    }

    struct Special: Decodable { var ids: [Int] }

    /// `["[CLS]", 101]`
    struct Pair: Decodable {
        var id: Int

        init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            _ = try values.decode(String.self)
            id = try values.decode(Int.self)
        }
    }

    struct Merge: Decodable {
        var left: String
        var right: String

        init(from decoder: any Decoder) throws {
            if let pair = try? decoder.singleValueContainer().decode([String].self), pair.count == 2 {
                (left, right) = (pair[0], pair[1])
                return
            }
            let text = try decoder.singleValueContainer().decode(String.self)
            let parts = text.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "the merge \(text) has not two parts"))
            }
            (left, right) = (String(parts[0]), String(parts[1]))
        }
    }

    struct Words: Decodable {
        var type: String?
        /// Read apart from the rest.
        var vocabulary = Vocabulary()
        var merges: [Merge]?
        var unk_token: String?
        var unk_id: Int?
        var continuing_subword_prefix: String?
        var end_of_word_suffix: String?
        var max_input_chars_per_word: Int?
        var fuse_unk: Bool?
        var byte_fallback: Bool?
        var ignore_merges: Bool?

        /// Files of former versions name no type.
        var kind: String { type ?? (unk_id != nil ? "Unigram" : merges != nil ? "BPE" : "WordPiece") }

        private enum CodingKeys: CodingKey {
            case type, merges, unk_token, unk_id, continuing_subword_prefix, end_of_word_suffix, max_input_chars_per_word, fuse_unk, byte_fallback, ignore_merges
        }
    }

    struct Added: Decodable {
        var id: Int
        var content: String
        var single_word: Bool?
        var lstrip: Bool?
        var rstrip: Bool?
        var normalized: Bool?
    }

    struct Truncation: Decodable {
        var max_length: Int
        var direction: String?
    }

    struct Padding: Decodable {
        var pad_id: Int
        var pad_type_id: Int?
        var direction: String?
    }

    var truncation: Truncation?
    var padding: Padding?
    var added_tokens: [Added]?
    var normalizer: Part?
    var pre_tokenizer: Part?
    var post_processor: Part?
    var model: Words
}

extension TokenizerFile {
    static let name = "tokenizer.json"

    /// - Parameter what: `has the normalizer X, which is not read`
    static func unsupported(_ what: String) -> WinnowError {
        WinnowError(.unsupported, name, what, remedy: "tokenize with the tokenizers library and give arrays")
    }

    /// Throws `.data` for what is no tokenizer.
    init(reading path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw WinnowError(.data, path, "cannot be read", remedy: "check its permissions")
        }
        do {
            self = try JSONDecoder().decode(TokenizerFile.self, from: bytes)
            var scanner = VocabularyScanner(Array(bytes))
            model.vocabulary = scanner.vocabulary()
        } catch {
            throw WinnowError(.data, path, "is no tokenizer.json of the tokenizers library", remedy: "save it with tokenizer.save")
        }
    }
}
