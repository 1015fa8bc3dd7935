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

    private static let unigram = #"""
        {"version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null,
         "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
         "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false,
                   "vocab": [["<unk>", 0.0], ["▁", -3.0], ["a", -2.0], ["b", -2.5], ["ab", -4.0], ["▁ab", -9.0], ["<0xC3>", -20.0], ["<0xA9>", -20]]}}
        """#

    /// The sum of scores decides: ▁ with a and b (−7.5) loses to ▁ with ab (−7). Letters that no token has are unknown, those in a row at once;
    /// where there are tokens of bytes, they are bytes.
    @Test func likeliestTokensAreTaken() throws {
        var tokenizer = try Self.tokenizer(Self.unigram)
        #expect(tokenizer.encode("ab b", length: 10).tokens == [1, 4, 1, 3])
        #expect(tokenizer.encode("aéüb", length: 10).tokens == [1, 2, 0, 3])
        var bytes = try Self.tokenizer(Self.unigram.replacing("false", with: "true"))
        #expect(bytes.encode("aéb", length: 10).tokens == [1, 2, 6, 7, 3])
    }

    /// A double array of the one key `ﬁ` → `fi`, laid out by hand: three units in a row of labels, the leaf behind the last.
    @Test func characterMapsAreRead() throws {
        let key = Array("ﬁ".utf8)
        var units = [UInt32](repeating: 0, count: 4 * 256)
        // Each node's children begin at a block of 256 of their own.
        units[0] = 0
        var place = 0
        for (depth, byte) in key.enumerated() {
            place ^= Int(byte)
            let next = 256 * (depth + 1)
            units[place] = UInt32(place ^ next) << 10 | UInt32(byte) | (depth == key.count - 1 ? 1 << 8 : 0)
            place = next
        }
        units[place] = 1 << 31 | 3
        func encoded(_ size: Int) -> String {
            let numbers = [UInt32(size)] + units
            return Data(numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } } + Array("xx\0fi\0".utf8)).base64EncodedString()
        }
        let map = try CharacterMap(base64: encoded(4 * units.count))
        #expect(map("oﬁx") == "ofix" && map("") == "" && map("ef") == "ef")
        for text in ["?", "", "AAAA", encoded(4 * units.count + 4000), encoded(3)] { #expect(throws: WinnowError.self) { try CharacterMap(base64: text) } }
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
        let campaign = Campaign("WINNOW_FUZZ", count: 2_000)
        var (read, refused) = (0, 0)
        for round in campaign.rounds {
            var random = try campaign.begin(round)
            let bytes = Array((random.next() % 2 == 0 ? Self.file : Self.unigram).utf8)
            let damaged = Mutation.damage(bytes, with: bytes, &random)
            var scanner = VocabularyScanner(damaged)
            _ = scanner.vocabulary()
            do {
                var tokenizer = try Self.tokenizer(String(decoding: damaged, as: UTF8.self))
                #expect(tokenizer.encode("ab [UNK] é", length: 4).tokens.count <= 4, "\(campaign.describe(round))")
                read += 1
            } catch let error as WinnowError {
                #expect(!error.problem.isEmpty, "\(campaign.describe(round))")
                refused += 1
            }
        }
        #expect(read > campaign.rounds.count / 100 && refused > campaign.rounds.count / 100, "\(read) read, \(refused) refused")
    }

    @Test func otherKindsAreNamed() throws {
        for (old, new) in [("WordPiece\"", "WordLevel\""), ("WordPiece\"", "Unigram\""), ("Lowercase", "Uppercase"), ("Whitespace", "UnicodeScripts")] {
            let error = #expect(throws: WinnowError.self) { try Self.tokenizer(Self.file.replacing(old, with: new)) }
            #expect(error.map { "\($0)" }?.contains(String(new.prefix { $0 != "\"" })) == true)
        }
    }
}
