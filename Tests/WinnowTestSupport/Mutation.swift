package import WinnowTensor

/// Damage as it happens to files, and as an attacker would do it.
package enum Mutation {
    package static func damage(_ bytes: [UInt8], with other: [UInt8], _ random: inout RandomGenerator) -> [UInt8] {
        var result = bytes
        let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF]
        for _ in 0..<Int.random(in: 1...3, using: &random) where !result.isEmpty {
            // Headers decide most: half of the damage is done in the first 256 bytes.
            let end = Bool.random(using: &random) ? min(256, result.count) : result.count
            let place = Int.random(in: 0..<end, using: &random)
            switch Int.random(in: 0..<16, using: &random) {
            case 0: result[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: result[place] = UInt8.random(in: 0...255, using: &random)
            case 2: result[place] = extremes.randomElement(using: &random) ?? 0
            case 9...14: result[place] &+= UInt8.random(in: 0...2, using: &random) &- 1
            case 4: result.removeSubrange(place..<min(result.count, place + Int.random(in: 1...32, using: &random)))
            case 5: result.insert(contentsOf: repeatElement(0xFF, count: Int.random(in: 1...10, using: &random)), at: place)
            case 6: fill(&result, at: place, with: extremes.randomElement(using: &random) ?? 0, count: Int.random(in: 2...8, using: &random))
            case 7: copy(&result, from: result, at: place, &random)
            case 8: copy(&result, from: other, at: place, &random)
            case 3: result.removeSubrange(place...)
            default: result.swapAt(place, Int.random(in: 0..<end, using: &random))
            }
        }
        return result
    }

    private static func fill(_ bytes: inout [UInt8], at place: Int, with byte: UInt8, count: Int) {
        for index in place..<min(bytes.count, place + count) { bytes[index] = byte }
    }

    /// Inserts or overwrites with a run of bytes from another file, or from elsewhere in the same.
    private static func copy(_ bytes: inout [UInt8], from source: [UInt8], at place: Int, _ random: inout RandomGenerator) {
        guard !source.isEmpty else { return }
        let start = Int.random(in: source.indices, using: &random)
        let run = source[start..<min(source.count, start + Int.random(in: 1...64, using: &random))]
        let end = Bool.random(using: &random) ? place : min(bytes.count, place + run.count)
        bytes.replaceSubrange(place..<end, with: run)
    }
}
