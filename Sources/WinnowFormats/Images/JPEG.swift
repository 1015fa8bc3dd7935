import CJPEG
import WinnowTensor

/// JPEG through libjpeg.
enum JPEG {
    static func image(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> PixelImage {
        var message = [CChar](repeating: 0, count: Int(JMSG_LENGTH_MAX) + 1)
        func failure() -> WinnowError {
            let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let isOtherColour = text.contains("color")
            return WinnowError(
                .file, subject, "is no readable JPEG (\(text))", remedy: isOtherColour ? "convert it to RGB: CMYK is not read" : "copy it again")
        }
        let source = bytes.bindMemory(to: UInt8.self).baseAddress
        var (width, height): (Int32, Int32) = (0, 0)
        guard winnow_jpeg_size(source, bytes.count, &width, &height, &message) != 0 else { throw failure() }
        try PixelImage.check(width: Int(width), height: Int(height), subject: subject)
        var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * 3)
        guard winnow_jpeg_decode(source, bytes.count, &pixels, &message) != 0 else { throw failure() }
        return PixelImage(width: Int(width), height: Int(height), channelCount: 3, pixels: pixels)
            .upright(from: EXIF(jpeg: bytes).orientation)
    }
}
