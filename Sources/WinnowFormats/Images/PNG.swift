import CPNG
import WinnowTensor

/// Portable Network Graphics through libpng's simplified interface.
enum PNG {
    static func image(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> PixelImage {
        let plain = withoutColourSpace(bytes)
        return try plain.withUnsafeBytes { try decoded($0, subject: subject) }
    }

    /// The file without what says how its numbers are to be seen: they are taken as they are, as other readers of data do.
    private static func withoutColourSpace(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let left: Set<String> = ["gAMA", "cHRM", "iCCP", "sRGB", "cICP"]
        var result = Array(bytes.prefix(8))
        var position = 8
        while position + 12 <= bytes.count {
            let length = bytes[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
            let end = min(bytes.count, position + 12 + length)
            let type = String(decoding: bytes[(position + 4)..<(position + 8)], as: UTF8.self)
            if !left.contains(type) { result += bytes[position..<end] }
            position = end
        }
        return result + bytes[min(position, bytes.count)...]
    }

    private static func decoded(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> PixelImage {
        var state = png_image()
        state.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&state) }
        guard png_image_begin_read_from_memory(&state, bytes.baseAddress, bytes.count) != 0 else { throw failure(state, subject) }
        let (width, height) = (Int(state.width), Int(state.height))
        try PixelImage.check(width: width, height: height, subject: subject)
        // 16 bits are no linear light.
        state.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
        // With its alpha channel the picture needs no background to be drawn on.
        state.format = UInt32(PNG_FORMAT_FLAG_COLOR) | UInt32(PNG_FORMAT_FLAG_ALPHA)
        var channels = [UInt8](repeating: 0, count: width * height * 4)
        guard png_image_finish_read(&state, nil, &channels, 0, nil) != 0 else { throw failure(state, subject) }
        var image = PixelImage(width: width, height: height, channelCount: 3, pixels: [UInt8](repeating: 0, count: width * height * 3))
        image.pixels.withUnsafeMutableBufferPointer { target in
            channels.withUnsafeBufferPointer { source in
                for index in 0..<(width * height) {
                    for channel in 0..<3 { target[3 * index + channel] = source[4 * index + channel] }
                }
            }
        }
        return image
    }

    private static func failure(_ state: png_image, _ subject: String) -> WinnowError {
        let text = withUnsafeBytes(of: state.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return WinnowError(.file, subject, "is no readable PNG (\(text))", remedy: "copy it again")
    }
}
