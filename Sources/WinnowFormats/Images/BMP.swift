import WinnowTensor

/// Windows bitmaps: 1, 4 or 8 bits that index colours, or 24 or 32 bits, uncompressed.
enum BMP {
    static func image(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> PixelImage {
        let header = try Header(bytes, subject: subject)
        try PixelImage.check(width: header.width, height: header.height, subject: subject)
        // Rows take multiples of 4 bytes.
        let rowByteCount = (header.width * header.bits + 31) / 32 * 4
        guard header.start <= bytes.count, bytes.count - header.start >= rowByteCount * header.height else {
            throw WinnowError(.file, subject, "is cut short", remedy: "copy it again")
        }
        var image = PixelImage(
            width: header.width, height: header.height, channelCount: 3,
            pixels: [UInt8](repeating: 0, count: header.width * header.height * 3))
        for row in 0..<header.height {
            let line = header.start + (header.isTopDown ? row : header.height - 1 - row) * rowByteCount
            for column in 0..<header.width {
                let place = try header.colourPlace(bytes, line: line, column: column)
                let target = (row * header.width + column) * 3
                for channel in 0..<3 { image.pixels[target + channel] = bytes[place + 2 - channel] }
            }
        }
        return image
    }

    private struct Header {
        let subject: String
        let start: Int
        let width: Int
        let height: Int
        let isTopDown: Bool
        let bits: Int
        private let palette: Range<Int>

        init(_ bytes: UnsafeRawBufferPointer, subject: String) throws {
            self.subject = subject
            var reader = ByteReader(bytes, at: 10, subject: subject)
            start = Int(try reader.little(UInt32.self))
            let size = Int(try reader.little(UInt32.self))
            guard size >= 40 else { throw WinnowError(.unsupported, subject, "is a BMP of OS/2", remedy: "convert it to PNG") }
            width = Int(Int32(bitPattern: try reader.little(UInt32.self)))
            let rows = Int(Int32(bitPattern: try reader.little(UInt32.self)))
            (height, isTopDown) = (abs(rows), rows < 0)
            _ = try reader.little(UInt16.self)
            bits = Int(try reader.little(UInt16.self))
            let compression = try reader.little(UInt32.self)
            var masks = ByteReader(bytes, at: 54, subject: subject)
            // Fields of bits (3) in their usual order are those of uncompressed 32 bits.
            let isPlain = try compression == 0 || compression == 3 && bits == 32
                && (0..<3).map { _ in try masks.little(UInt32.self) } == [0xFF0000, 0xFF00, 0xFF]
            guard isPlain, [1, 4, 8, 24, 32].contains(bits) else {
                throw WinnowError(
                    .unsupported, subject, "is a BMP of \(bits) bits with compression \(compression)", remedy: "convert it to PNG")
            }
            palette = min(14 + size, bytes.count)..<min(max(start, 14 + size), bytes.count)
        }

        /// Where blue, green and red of a pixel lie.
        func colourPlace(_ bytes: UnsafeRawBufferPointer, line: Int, column: Int) throws -> Int {
            guard bits < 24 else { return line + column * bits / 8 }
            let byte = Int(bytes[line + column * bits / 8])
            let shift = 8 - bits - column * bits % 8
            let place = palette.lowerBound + 4 * (byte >> shift & ((1 << bits) - 1))
            guard place + 3 <= palette.upperBound else {
                throw WinnowError(.file, subject, "names a colour that its palette has not", remedy: "copy it again")
            }
            return place
        }
    }
}
