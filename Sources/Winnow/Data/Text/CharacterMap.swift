import Foundation
import WinnowTensor

/// What letters are replaced by before a text is cut, as SentencePiece compiles it: a trie in a double array, and the texts that its leaves
/// point to.
///
/// Aoe, An Efficient Digital Search Algorithm by Using a Double-Array Structure, IEEE TSE 15(9), 1989; units as darts-clone lays them out.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let texts: [UInt8]

    /// Longer clusters are looked up letter by letter.
    private static let clusterLimit = 6

    /// - Parameter base64: the bytes of the trie (a little-endian UInt32), the trie, texts that end with 0. Throws `.data` for what is damaged.
    init(base64: String) throws {
        guard let bytes = Data(base64Encoded: base64).map(Array.init), bytes.count >= 4 else { throw Self.damage }
        func unit(_ place: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) } }
        let size = Int(unit(0))
        guard size > 0, size % 4 == 0, size <= bytes.count - 4 else { throw Self.damage }
        units = stride(from: 4, to: 4 + size, by: 4).map(unit)
        texts = Array(bytes[(4 + size)...])
    }

    private static var damage: WinnowError {
        WinnowError(.data, TokenizerFile.name, "has a precompiled character map that is damaged", remedy: "save it again")
    }

    /// Clusters of letters that the map knows replaced, else letters that it knows.
    func callAsFunction(_ text: String) -> String {
        var result: [UInt8] = []
        for cluster in text {
            let bytes = Array(cluster.utf8)
            if bytes.count < Self.clusterLimit, let known = replacement(of: bytes) { result += known; continue }
            for scalar in cluster.unicodeScalars {
                let own = Array(String(scalar).utf8)
                result += replacement(of: own) ?? own[...]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The text for the shortest beginning that the trie has; the `tokenizers` library replaces the whole by it, and so is done here.
    private func replacement(of key: [UInt8]) -> ArraySlice<UInt8>? {
        guard var place = units.first.map(Self.offset) else { return nil }
        for byte in key where byte != 0 {
            place ^= Int(byte)
            guard units.indices.contains(place), units[place] & 0x8000_00FF == UInt32(byte) else { return nil }
            let unit = units[place]
            place ^= Self.offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard units.indices.contains(place) else { return nil }
            let start = Int(units[place] & 0x7FFF_FFFF)
            guard start <= texts.count else { return nil }
            return texts[start...].prefix { $0 != 0 }
        }
        return nil
    }

    private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
}
