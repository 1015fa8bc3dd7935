import WinnowTensor

/// A sound of RIFF WAVE: integers of 8, 16, 24 or 32 bits, or floats of 32 or 64.
package struct WAV: Sendable {
    package static let fileExtensions: Set<String> = ["wav", "wave"]
    /// Sounds of these kinds are named, not passed over.
    package static let unreadExtensions: Set<String> = ["mp3", "flac", "ogg", "opus", "m4a", "aac", "aif", "aiff"]

    /// Samples a second.
    package let rate: Int
    /// The samples of each channel, integers as −1…1.
    package let channels: [[Float]]

    /// The mean of all channels.
    package var mono: [Float] {
        guard channels.count > 1 else { return channels.first ?? [] }
        let scale = 1 / Float(channels.count)
        return channels[0].indices.map { place in channels.reduce(0) { $0 + $1[place] } * scale }
    }

    /// Throws `.file` or `.unsupported` naming what is wrong with it.
    package init(contentsOf path: String) throws {
        self = try MappedFile(path).withUnsafeBytes { try WAV($0, subject: path) }
    }

    init(_ bytes: UnsafeRawBufferPointer, subject: String) throws {
        var reader = ByteReader(bytes, subject: subject)
        guard bytes.count >= 12, try reader.slice(4).elementsEqual("RIFF".utf8) else {
            throw WinnowError(.file, subject, "is no WAV file", remedy: "convert it, for example with ffmpeg")
        }
        _ = try reader.slice(4)
        guard try reader.slice(4).elementsEqual("WAVE".utf8) else {
            throw WinnowError(.file, subject, "is RIFF but no WAV file", remedy: "convert it, for example with ffmpeg")
        }
        var format: Format?
        while reader.remaining >= 8 {
            let name = try reader.slice(4)
            let size = Int(try reader.little(UInt32.self))
            if name.elementsEqual("fmt ".utf8) {
                format = try Format(try reader.slice(size), subject: subject)
            } else if name.elementsEqual("data".utf8) {
                guard let format else { throw WinnowError(.file, subject, "has samples before their format", remedy: "convert it") }
                // Writers that stream leave the size open.
                let size = size == 0xFFFF_FFFF || size == 0 ? reader.remaining : size
                (rate, channels) = (format.rate, format.channels(try reader.slice(size)))
                guard channels.allSatisfy({ !$0.isEmpty }) else {
                    throw WinnowError(.file, subject, "has no samples", remedy: "take it out, or copy it again")
                }
                return
            } else {
                _ = try reader.slice(min(size, reader.remaining))
            }
            // Chunks begin at even places.
            if size % 2 == 1, reader.remaining > 0 { _ = try reader.slice(1) }
        }
        throw WinnowError(.file, subject, "has no samples", remedy: "copy it again")
    }

    private struct Format {
        let isFloat: Bool
        let channelCount: Int
        let rate: Int
        let bits: Int

        init(_ bytes: UnsafeRawBufferPointer, subject: String) throws {
            var reader = ByteReader(bytes, subject: subject)
            var tag = try reader.little(UInt16.self)
            channelCount = Int(try reader.little(UInt16.self))
            rate = Int(try reader.little(UInt32.self))
            _ = try reader.slice(6)
            bits = Int(try reader.little(UInt16.self))
            // Extended formats say what they are behind.
            if tag == 0xFFFE, reader.remaining >= 10 {
                _ = try reader.slice(8)
                tag = try reader.little(UInt16.self)
            }
            isFloat = tag == 3
            guard tag == 1 && [8, 16, 24, 32].contains(bits) || tag == 3 && [32, 64].contains(bits), (1...64).contains(channelCount), rate > 0 else {
                throw WinnowError(
                    .unsupported, subject, "is a WAV file of format \(tag), \(bits) bits, \(channelCount) channels and \(rate) samples a second",
                    remedy: "convert it to 16 bits, for example with sox -b 16")
            }
        }

        func channels(_ bytes: UnsafeRawBufferPointer) -> [[Float]] {
            let width = bits / 8
            let count = bytes.count / (width * channelCount)
            return (0..<channelCount).map { channel in
                (0..<count).map { value(bytes, at: (($0 * channelCount) + channel) * width) }
            }
        }

        private func value(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Float {
            func load<Number: FixedWidthInteger>(_ type: Number.Type) -> Number { Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: type)) }
            switch (isFloat, bits) {
            case (true, 64): return Float(Double(bitPattern: load(UInt64.self)))
            case (true, _): return Float(bitPattern: load(UInt32.self))
            case (_, 8): return (Float(bytes[place]) - 128) / 128
            case (_, 16): return Float(load(Int16.self)) / 32_768
            case (_, 24):
                let number = Int32(bytes[place]) << 8 | Int32(bytes[place + 1]) << 16 | Int32(bitPattern: UInt32(bytes[place + 2]) << 24)
                return Float(number) / 2_147_483_648
            default: return Float(Double(load(Int32.self)) / 2_147_483_648)
            }
        }
    }
}
