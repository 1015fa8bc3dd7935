import WinnowTensor

/// A picture of 8-bit channels: rows from the top, channels interleaved.
package struct PixelImage: Sendable, Hashable {
    package var width: Int
    package var height: Int
    /// 3 for red, green and blue, 1 for grey.
    package var channelCount: Int
    package var pixels: [UInt8]

    package init(width: Int, height: Int, channelCount: Int, pixels: [UInt8]) {
        self.width = width
        self.height = height
        self.channelCount = channelCount
        self.pixels = pixels
    }

    /// More than any camera has, few enough to decode in 400 MB.
    private static let pixelLimit = 100_000_000
    package static let fileExtensions: Set<String> = ["png", "jpg", "jpeg", "jpe", "jfif", "bmp", "webp"]
    /// Pictures of these kinds are named, not passed over.
    package static let unreadExtensions: Set<String> = ["gif", "tif", "tiff", "avif", "heic", "heif", "jp2", "jxl", "ppm", "pgm", "tga"]

    /// Reads a PNG, JPEG, BMP or WebP file as RGB; what its name says does not matter. Transparency is dropped, 16 bits become 8.
    package init(contentsOf path: String) throws {
        self = try MappedFile(path).withUnsafeBytes { bytes in
            if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return try PNG.image(bytes, subject: path) }
            if bytes.starts(with: [0xFF, 0xD8]) { return try JPEG.image(bytes, subject: path) }
            if bytes.starts(with: Array("BM".utf8)) { return try BMP.image(bytes, subject: path) }
            if bytes.count >= 12, bytes.starts(with: Array("RIFF".utf8)), bytes[8..<12].elementsEqual("WEBP".utf8) {
                return try WebP.image(bytes, subject: path)
            }
            throw WinnowError(.file, path, "is none of PNG, JPEG, BMP and WebP", remedy: "convert it")
        }
    }

    /// Throws if no picture has this size.
    package static func check(width: Int, height: Int, subject: String) throws {
        guard width > 0, height > 0, width <= pixelLimit / height else {
            throw WinnowError(.file, subject, "has \(width)×\(height) pixels", remedy: "the file is probably damaged")
        }
    }

    /// Brightness as ITU-R BT.601 weighs red, green and blue, in 16-bit fixed point.
    package var grey: PixelImage {
        guard channelCount == 3 else { return self }
        var result = PixelImage(
            width: width, height: height, channelCount: 1, pixels: [UInt8](repeating: 0, count: width * height))
        pixels.withUnsafeBufferPointer { source in
            for index in 0..<(width * height) {
                let (red, green, blue) = (UInt32(source[3 * index]), UInt32(source[3 * index + 1]), UInt32(source[3 * index + 2]))
                result.pixels[index] = UInt8((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16)
            }
        }
        return result
    }

    /// The part of `width` × `height` pixels around the middle, which must be inside the picture.
    package func cropped(width newWidth: Int, height newHeight: Int) -> PixelImage {
        let left = (width - newWidth) / 2
        let top = (height - newHeight) / 2
        precondition(left >= 0 && top >= 0)
        var result = self
        (result.width, result.height) = (newWidth, newHeight)
        result.pixels.removeAll(keepingCapacity: true)
        for row in top..<(top + newHeight) {
            let start = (row * width + left) * channelCount
            result.pixels += pixels[start..<(start + newWidth * channelCount)]
        }
        return result
    }
}
