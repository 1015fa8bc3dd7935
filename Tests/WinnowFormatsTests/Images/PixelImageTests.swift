import Foundation
import Testing
import WinnowTensor
import WinnowTestSupport

@testable import WinnowFormats

@Suite struct PixelImageTests {
    private func image(_ bytes: [UInt8]) throws -> PixelImage {
        try withTemporaryFolder { folder in
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/picture"))
            return try PixelImage(contentsOf: folder + "/picture")
        }
    }

    @Test(arguments: [1, 3, 4]) func readsPNG(channels: Int) throws {
        func pixel(_ row: Int, _ column: Int, _ channel: Int) -> UInt8 { UInt8((40 * row + 5 * column + 70 * channel) % 251) }
        let picture = try image(SamplePictures.png(width: 5, height: 3, channels: channels, pixel))
        #expect(picture.width == 5 && picture.height == 3 && picture.channelCount == 3)
        for row in 0..<3 {
            for column in 0..<5 {
                for channel in 0..<3 {
                    let expected = pixel(row, column, channels == 1 ? 0 : channel)
                    #expect(picture.pixels[(row * 5 + column) * 3 + channel] == expected)
                }
            }
        }
    }

    @Test(arguments: [136, 140, 143]) func readsJPEG(brightness: Int) throws {
        let picture = try image(SamplePictures.jpeg(brightness: brightness))
        #expect(picture == PixelImage(width: 8, height: 8, channelCount: 3, pixels: [UInt8](repeating: UInt8(brightness), count: 192)))
    }

    @Test(arguments: [1, 4, 8, 24, 32], [false, true]) func readsBMP(bits: Int, isTopDown: Bool) throws {
        let colours: [[UInt8]] = [[255, 10, 0], [7, 70, 200]]
        func pixel(_ row: Int, _ column: Int) -> [UInt8] { colours[(row * 3 + column * 5) % 3 == 0 ? 0 : 1] }
        let bytes = SamplePictures.bmp(width: 13, height: 4, bits: bits, isTopDown: isTopDown, pixel)
        let picture = try image(bytes)
        #expect(picture.width == 13 && picture.height == 4)
        #expect(picture.pixels == (0..<4).flatMap { row in (0..<13).flatMap { pixel(row, $0) } })
        for count in [14, 30, 60, bytes.count - 1] { #expect(message { _ = try image(Array(bytes.prefix(count))) } != "") }
        for place in bytes.indices.prefix(60) {
            var damaged = bytes
            damaged[place] ^= 0xFF
            _ = try? image(damaged)
        }
    }

    /// Read through the system's library, or named.
    @Test func readsWebP() throws {
        let pixels: [UInt8] = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 200, 100, 50, 255, 255, 255]
        do {
            #expect(try image(SamplePictures.webp) == PixelImage(width: 3, height: 2, channelCount: 3, pixels: pixels))
            #expect(message { _ = try image(Array(SamplePictures.webp.prefix(40))) }.contains("no readable WebP"))
        } catch let error as WinnowError {
            #expect(error.kind == .unsupported && error.description.contains("libwebp is not installed"))
        }
    }

    /// A picture as a camera stores it in each orientation comes back upright.
    @Test(arguments: 1...8) func turnsUpright(orientation: Int) {
        let seen = PixelImage(width: 3, height: 2, channelCount: 1, pixels: [1, 2, 3, 4, 5, 6])
        // Exif 2.3: where the visual top and left edges are in what is stored.
        let stored: [[UInt8]] = [
            [1, 2, 3, 4, 5, 6], [3, 2, 1, 6, 5, 4], [6, 5, 4, 3, 2, 1], [4, 5, 6, 1, 2, 3],
            [1, 4, 2, 5, 3, 6], [3, 6, 2, 5, 1, 4], [6, 3, 5, 2, 4, 1], [4, 1, 5, 2, 6, 3],
        ]
        let (width, height) = orientation < 5 ? (3, 2) : (2, 3)
        let image = PixelImage(width: width, height: height, channelCount: 1, pixels: stored[orientation - 1])
        #expect(image.upright(from: orientation) == seen)
    }

    @Test(arguments: [false, true], [0, 1, 3, 6, 9]) func readsTheOrientation(isLittle: Bool, orientation: UInt8) throws {
        let bytes = SamplePictures.jpeg(brightness: 140, orientation: orientation, isLittle: isLittle)
        let expected = (1...8).contains(orientation) ? Int(orientation) : 1
        #expect(bytes.withUnsafeBytes { EXIF(jpeg: $0).orientation } == expected)
        #expect(try image(bytes).width == 8)
        for count in 0..<bytes.count {
            let cut = bytes.prefix(count).withContiguousStorageIfAvailable { EXIF(jpeg: UnsafeRawBufferPointer($0)).orientation }
            #expect(cut == 1 || cut == expected)
        }
    }

    @Test func refusesWhatIsNoPicture() throws {
        #expect(message { _ = try image([1, 2, 3, 4]) }.contains("none of PNG, JPEG"))
        #expect(message { _ = try image(Array(SamplePictures.png().dropLast(20))) }.contains("no readable PNG"))
        #expect(message { _ = try image(Array(SamplePictures.jpeg.dropLast(4))) }.contains("no readable JPEG"))
    }

    @Test func greyWeighsColours() {
        let picture = PixelImage(width: 4, height: 1, channelCount: 3, pixels: [255, 0, 0, 0, 255, 0, 0, 0, 255, 90, 90, 90])
        #expect(picture.grey.pixels == [76, 150, 29, 90])
    }

    @Test func cropsAroundTheMiddle() {
        let picture = PixelImage(width: 4, height: 3, channelCount: 1, pixels: (0..<12).map { UInt8($0) })
        #expect(picture.cropped(width: 2, height: 1).pixels == [5, 6])
        #expect(picture.cropped(width: 4, height: 3) == picture)
    }

    @Test(arguments: [(2, 2), (7, 5), (16, 12), (1, 1)]) func resizingKeepsFlatPictures(size: (Int, Int)) {
        let picture = PixelImage(width: 8, height: 6, channelCount: 3, pixels: [UInt8](repeating: 77, count: 144))
        let resized = picture.resized(width: size.0, height: size.1)
        #expect(resized.pixels == [UInt8](repeating: 77, count: 3 * size.0 * size.1))
    }

    /// Values by hand: a triangle of radius 2 around the middle of each pair when halving, linear interpolation when doubling.
    @Test func resizesByATriangle() {
        let row = PixelImage(width: 4, height: 1, channelCount: 1, pixels: [0, 80, 160, 240])
        // Weights of the left pixel: 0.75, 0.75, 0.25 of 1.75.
        #expect(row.resized(width: 2, height: 1).pixels == [57, 183])
        let pair = PixelImage(width: 1, height: 2, channelCount: 1, pixels: [0, 100])
        #expect(pair.resized(width: 1, height: 4).pixels == [0, 25, 75, 100])
    }

    @Test func resizingCommutesWithTurning() {
        var random = RandomGenerator(seed: 5)
        let pixels = (0..<63).map { _ in UInt8.random(in: 0...255, using: &random) }
        func turned(_ image: PixelImage) -> PixelImage {
            let pixels = (0..<image.width).flatMap { x in (0..<image.height).map { image.pixels[$0 * image.width + x] } }
            return PixelImage(width: image.height, height: image.width, channelCount: 1, pixels: pixels)
        }
        let picture = PixelImage(width: 9, height: 7, channelCount: 1, pixels: pixels)
        let a = turned(picture.resized(width: 4, height: 7))
        let b = turned(picture).resized(width: 7, height: 4)
        #expect(a == b)
    }
}
