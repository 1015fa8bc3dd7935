import WinnowTensor

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// WebP through libwebp, if the system has it; nothing is built against it.
enum WebP {
    private typealias Information = @convention(c) (
        UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?
    ) -> Int32
    private typealias Decoder = @convention(c) (
        UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?, Int, Int32
    ) -> UnsafeMutablePointer<UInt8>?

    static func image(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> PixelImage {
        let names = ["libwebp.so.7", "libwebp.so.6", "libwebp.so", "libwebp.dylib"]
        guard let library = names.lazy.compactMap({ dlopen($0, RTLD_NOW) }).first,
            let information = dlsym(library, "WebPGetInfo"), let decoder = dlsym(library, "WebPDecodeRGBInto")
        else {
            throw WinnowError(
                .unsupported, subject, "is WebP, and libwebp is not installed",
                remedy: "install it (Debian's package libwebp7), or convert the picture to PNG")
        }
        // RIFF, size, WEBP, VP8X, size, flags: one of them says that there are several pictures.
        if bytes.count > 20, bytes[12..<16].elementsEqual("VP8X".utf8), bytes[20] & 2 != 0 {
            throw WinnowError(.unsupported, subject, "is an animated WebP", remedy: "save one of its pictures")
        }
        let source = bytes.bindMemory(to: UInt8.self).baseAddress
        var (width, height): (Int32, Int32) = (0, 0)
        guard unsafeBitCast(information, to: Information.self)(source, bytes.count, &width, &height) != 0 else { throw damaged(subject) }
        try PixelImage.check(width: Int(width), height: Int(height), subject: subject)
        var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * 3)
        guard unsafeBitCast(decoder, to: Decoder.self)(source, bytes.count, &pixels, pixels.count, 3 * width) != nil else {
            throw damaged(subject)
        }
        return PixelImage(width: Int(width), height: Int(height), channelCount: 3, pixels: pixels)
    }

    private static func damaged(_ subject: String) -> WinnowError {
        WinnowError(.file, subject, "is no readable WebP", remedy: "copy it again")
    }
}
