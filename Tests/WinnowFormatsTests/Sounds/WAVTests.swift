import Testing
import WinnowTensor
import WinnowTestSupport

@testable import WinnowFormats

@Suite struct WAVTests {
    /// A file of `format` with these samples as bytes.
    private static func file(tag: UInt16 = 1, channels: UInt16 = 1, rate: UInt32 = 8_000, bits: UInt16, _ data: [UInt8], extended: Bool = false) -> [UInt8] {
        var format: [UInt8] = []
        format.append(little: extended ? 0xFFFE : tag)
        format.append(little: channels)
        format.append(little: rate)
        format.append(little: rate * UInt32(channels * bits / 8))
        format.append(little: channels * bits / 8)
        format.append(little: bits)
        if extended {
            format.append(little: UInt16(22))
            format.append(little: bits)
            format.append(little: UInt32(0))
            format.append(little: tag)
            format += [UInt8](repeating: 0, count: 14)
        }
        var chunks = Array("fmt ".utf8)
        chunks.append(little: UInt32(format.count))
        chunks += format + Array("data".utf8)
        chunks.append(little: UInt32(data.count))
        chunks += data
        var file = Array("RIFF".utf8)
        file.append(little: UInt32(chunks.count + 4))
        return file + Array("WAVE".utf8) + chunks
    }

    private static func read(_ bytes: [UInt8]) throws -> WAV { try bytes.withUnsafeBytes { try WAV($0, subject: "a.wav") } }

    /// The largest and smallest codes of every width, and 0, are 1, −1 and 0 but for one step.
    @Test(arguments: [8, 16, 24, 32]) func integers(bits: Int) throws {
        let limit = Int64(1) << (bits - 1)
        let data = [limit - 1, -limit, 0].flatMap { code -> [UInt8] in
            let code = bits == 8 ? code + 128 : code
            return (0..<(bits / 8)).map { UInt8(truncatingIfNeeded: code >> (8 * $0)) }
        }
        let sound = try Self.read(Self.file(bits: UInt16(bits), data))
        #expect(sound.rate == 8_000 && sound.channels.count == 1 && sound.channels[0].count == 3)
        for (value, expected) in zip(sound.channels[0], [1, -1, 0] as [Float]) { #expect(abs(value - expected) <= Float(1 / Double(limit))) }
    }

    /// Floats come as they are, and channels lie beside each other.
    @Test(arguments: [false, true]) func floatsOfTwoChannels(extended: Bool) throws {
        var data: [UInt8] = []
        for value in [0.25, -0.5, 1.5, 0] as [Float] { data.append(little: value.bitPattern) }
        let sound = try Self.read(Self.file(tag: 3, channels: 2, bits: 32, data, extended: extended))
        #expect(sound.channels == [[0.25, 1.5], [-0.5, 0]] && sound.mono == [-0.125, 0.75])
    }

    /// Compressed sounds are named, damaged ones refused, and none traps.
    @Test func othersAreRefused() throws {
        #expect(throws: WinnowError.self) { try Self.read(Self.file(tag: 2, bits: 4, [1, 2])) }
        // An empty chunk, and one of half a sample.
        for data in [[], [1]] as [[UInt8]] {
            #expect { try Self.read(Self.file(bits: 16, data)) } throws: { "\($0)".contains("a.wav: has no samples") }
        }
        let file = Self.file(bits: 16, [1, 2, 3, 4])
        for count in 0..<(file.count - 1) { #expect(throws: WinnowError.self) { try Self.read(Array(file[..<count])) } }
        let campaign = Campaign("WINNOW_FUZZ", count: 4_000)
        for round in campaign.rounds {
            var random = try campaign.begin(round)
            _ = try? Self.read(Mutation.damage(file, with: file, &random))
        }
    }
}
