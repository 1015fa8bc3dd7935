import WinnowFormats

/// Pictures the tests write themselves.
package enum SamplePictures {
    /// A PNG of 8-bit channels: 1 grey, 3 RGB, 4 RGBA; pixels as `pixel(row, column, channel)`.
    package static func png(
        width: Int = 5, height: Int = 4, channels: Int = 1, _ pixel: (Int, Int, Int) -> UInt8 = { UInt8(16 * $0 + 3 * $1 + $2) }
    ) -> [UInt8] {
        var rows: [UInt8] = []
        for row in 0..<height {
            rows.append(0)
            for column in 0..<width { for channel in 0..<channels { rows.append(pixel(row, column, channel)) } }
        }
        let colour: UInt8 = [1: 0, 3: 2, 4: 6][channels] ?? 0
        let header = bigEndian(width) + bigEndian(height) + [8, colour, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
            + chunk("IDAT", storedZlib(rows)) + chunk("IEND", [])
    }

    /// A Windows bitmap of `bits` a pixel, rows from the bottom or the top; pixels as `pixel(row, column)` gives red, green, blue.
    /// With 8 bits or fewer, `pixel` may give no more colours than `bits` can name.
    package static func bmp(
        width: Int, height: Int, bits: Int, isTopDown: Bool = false, _ pixel: (Int, Int) -> [UInt8]
    ) -> [UInt8] {
        var palette: [[UInt8]] = []
        var rows: [[UInt8]] = []
        for row in 0..<height {
            var line: [UInt8] = [UInt8](repeating: 0, count: (width * bits + 31) / 32 * 4)
            for column in 0..<width {
                let colour = pixel(row, column)
                let blueFirst = Array(colour.reversed()) + [0]
                if bits >= 24 { line.replaceSubrange((column * bits / 8)..<((column + 1) * bits / 8), with: blueFirst.prefix(bits / 8)); continue }
                if !palette.contains(blueFirst) { palette.append(blueFirst) }
                let index = UInt8(palette.firstIndex(of: blueFirst) ?? 0)
                line[column * bits / 8] |= index << (8 - bits - column * bits % 8)
            }
            rows.append(line)
        }
        func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        let start = 54 + 4 * palette.count
        let header = Array("BM".utf8) + little(0, 8) + little(start, 4) + little(40, 4) + little(width, 4)
            + little(isTopDown ? -height : height, 4) + little(1, 2) + little(bits, 2) + little(0, 24)
        return header + palette.flatMap { $0 } + (isTopDown ? rows : rows.reversed()).flatMap { $0 }
    }

    /// A lossless WebP of 3×2 pixels: red, green, blue; (10, 20, 30), (200, 100, 50), white.
    package static let webp: [UInt8] = [
        0x52, 0x49, 0x46, 0x46, 0x42, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x4C, 0x36, 0x00, 0x00, 0x00,
        0x2F, 0x02, 0x40, 0x00, 0x00, 0x2F, 0x40, 0x90, 0x6D, 0xB3, 0x41, 0xDC, 0xEB, 0xFE, 0x32, 0xD3, 0x20, 0x93, 0xB6, 0xC9,
        0x5F, 0xFF, 0x76, 0x66, 0x6D, 0x64, 0xD2, 0x36, 0xAD, 0x87, 0xFD, 0xF3, 0xAF, 0xB2, 0xF3, 0x1F, 0x68, 0xE4, 0x91, 0xAC,
        0xFB, 0x06, 0x04, 0x02, 0x94, 0xB1, 0xE2, 0x81, 0x6D, 0x22, 0xFA, 0x1F, 0xE3, 0x05,
    ]

    private static func chunk(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + bytes
        return bigEndian(bytes.count) + body + bigEndian(Int(body.withUnsafeBytes { Zlib.crc32($0) }))
    }

    /// A zlib stream that compresses nothing: one stored block.
    private static func storedZlib(_ bytes: [UInt8]) -> [UInt8] {
        let count = UInt16(bytes.count)
        var (a, b) = (1, 0)
        for byte in bytes { (a, b) = ((a + Int(byte)) % 65_521, (a + b + Int(byte)) % 65_521) }
        let sizes = [UInt8(count & 0xFF), UInt8(count >> 8), UInt8(~count & 0xFF), UInt8(~count >> 8)]
        return [0x78, 0x01, 0x01] + sizes + bytes + bigEndian(b << 16 | a)
    }

    private static func bigEndian(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    /// A baseline JPEG of 8×8 grey pixels, all of the same brightness in 136…143: one block whose only coefficient is its mean.
    ///
    /// All quantizers are 1; the only code of the DC table is category 7, that of the AC table the end of the block.
    package static func jpeg(brightness: Int) -> [UInt8] {
        let quantizers: [UInt8] = [0xFF, 0xDB, 0, 67, 0] + [UInt8](repeating: 1, count: 64)
        let frame: [UInt8] = [0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]
        func table(_ kind: UInt8, symbol: UInt8) -> [UInt8] {
            [0xFF, 0xC4, 0, 20, kind, 1] + [UInt8](repeating: 0, count: 15) + [symbol]
        }
        let scan: [UInt8] = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]
        // Code 0, seven bits of the coefficient 8·(brightness − 128), code 0, and ones to fill the byte.
        let data = (brightness - 128) * 8 << 8 | 0x7F
        return [0xFF, 0xD8] + quantizers + frame + table(0x00, symbol: 7) + table(0x10, symbol: 0) + scan
            + [UInt8(data >> 8), UInt8(data & 0xFF)] + [0xFF, 0xD9]
    }

    /// The same with an Exif segment of one tag.
    package static func jpeg(brightness: Int, orientation: UInt8, isLittle: Bool) -> [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return isLittle ? bytes : bytes.reversed()
        }
        let header = Array((isLittle ? "II" : "MM").utf8) + number(42, 2) + number(8, 4)
        let entry = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(Int(orientation), 2) + [0, 0]
        let body = Array("Exif\0\0".utf8) + header + number(1, 2) + entry + number(0, 4)
        let plain = jpeg(brightness: brightness)
        return plain.prefix(2) + [0xFF, 0xE1, 0, UInt8(body.count + 2)] + body + plain.dropFirst(2)
    }

    package static var jpeg: [UInt8] { jpeg(brightness: 137) }
}
