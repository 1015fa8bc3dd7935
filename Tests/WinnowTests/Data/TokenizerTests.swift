import Foundation
import Testing
import WinnowTensor
import WinnowTestSupport

@testable import Winnow

/// What `Interop/test_samples.py` compares with the tokenizers library is tested there; here, what a file may hold besides.
@Suite struct TokenizerTests {
    private static let file = #"""
        {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{"id": 0, "content": "[UNK]", "special": true}],
         "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
         "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                   "vocab": {"[UNK]": 0, "a": 1, "##b": 2, "\u00e9": 3, "e\u0301": 4, "\"\\\n": 5, "\ud83d\ude42": 6}}}
        """#

    private static func tokenizer(_ text: String) throws -> Tokenizer {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("winnow-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try Tokenizer(reading: path)
    }

    /// Spellings that Swift takes for equal are two tokens.
    @Test func tokensAreBytes() throws {
        var tokenizer = try Self.tokenizer(Self.file)
        #expect(tokenizer.encode("ab B é e\u{301} a", length: 10).tokens == [1, 2, 0, 3, 4, 1])
        #expect(tokenizer.encode("a a a", length: 2).tokens == [1, 1])
    }

    @Test func vocabulariesAreScanned() {
        var scanner = VocabularyScanner(Array(Self.file.utf8))
        let found = scanner.vocabulary()
        #expect(found.count == 7 && found[Array("\"\\\n".utf8)] == 5 && found[Array("🙂".utf8)] == 6)
    }

    /// What is damaged is read or refused; nothing traps or hangs.
    @Test(.timeLimit(.minutes(5))) func damagedFilesAreReadOrRefused() throws {
        let bytes = Array(Self.file.utf8)
        let campaign = Campaign("WINNOW_FUZZ", count: 2_000)
        for round in campaign.rounds {
            var random = try campaign.begin(round)
            let damaged = Mutation.damage(bytes, with: bytes, &random)
            var scanner = VocabularyScanner(damaged)
            _ = scanner.vocabulary()
            if var tokenizer = try? Self.tokenizer(String(decoding: damaged, as: UTF8.self)) { _ = tokenizer.encode("ab [UNK] é", length: 4) }
        }
    }

    @Test func otherKindsAreNamed() throws {
        for (old, new) in [("WordPiece\"", "Unigram\""), ("Lowercase", "Precompiled"), ("Whitespace", "Metaspace")] {
            let error = #expect(throws: WinnowError.self) { try Self.tokenizer(Self.file.replacing(old, with: new)) }
            #expect(error.map { "\($0)" }?.contains(String(new.prefix { $0 != "\"" })) == true)
        }
    }
}
