/// How the camera was held: the tag Orientation (0x0112) of Exif 2.3, section 4.6.4, in a JPEG file.
///
/// What is damaged or missing counts as upright, as it does for every viewer.
struct EXIF {
    /// 1...8: 1 upright, 3 upside down, 6 and 8 on the side, even ones below 5 and odd ones from 5 on mirrored.
    private(set) var orientation = 1

    init(jpeg bytes: UnsafeRawBufferPointer) {
        var position = 2
        // Segments are 0xFF, a kind, and two bytes of length, which count themselves; pixels begin at 0xDA.
        while position + 4 <= bytes.count, bytes[position] == 0xFF, bytes[position + 1] != 0xDA {
            let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
            let body = bytes[(position + 4)..<min(bytes.count, max(position + 4, position + 2 + length))]
            if bytes[position + 1] == 0xE1, body.starts(with: Array("Exif\0\0".utf8)) {
                let tiff = UnsafeRawBufferPointer(rebasing: body.dropFirst(6))
                orientation = Self.orientation(tiff: tiff) ?? 1
                return
            }
            position += 2 + length
        }
    }

    /// From the first directory of a TIFF header, in either order of bytes.
    private static func orientation(tiff: UnsafeRawBufferPointer) -> Int? {
        let isLittle = tiff.starts(with: Array("II".utf8))
        func number(_ place: Int, bytes count: Int) -> Int? {
            guard place >= 0, place + count <= tiff.count else { return nil }
            let run = tiff[place..<(place + count)]
            return (isLittle ? Array(run.reversed()) : Array(run)).reduce(0) { $0 << 8 | Int($1) }
        }
        guard let directory = number(4, bytes: 4), let count = number(directory, bytes: 2) else { return nil }
        for entry in 0..<count {
            guard let tag = number(directory + 2 + 12 * entry, bytes: 2) else { return nil }
            if tag == 0x0112 { return number(directory + 10 + 12 * entry, bytes: 2).flatMap { (1...8).contains($0) ? $0 : nil } }
        }
        return nil
    }
}

extension PixelImage {
    /// The picture as it was seen, from pixels stored in one of Exif's orientations.
    func upright(from orientation: Int) -> PixelImage {
        guard (2...8).contains(orientation) else { return self }
        let isOnItsSide = orientation >= 5
        var result = self
        if isOnItsSide { (result.width, result.height) = (height, width) }
        let flipsRows = [3, 4, 6, 7].contains(orientation)
        let flipsColumns = [2, 3, 7, 8].contains(orientation)
        pixels.withUnsafeBufferPointer { source in
            result.pixels.withUnsafeMutableBufferPointer { target in
                for index in 0..<(width * height) {
                    let (y, x) = (index / result.width, index % result.width)
                    let (row, column) = isOnItsSide ? (x, y) : (y, x)
                    let place = (flipsRows ? height - 1 - row : row) * width + (flipsColumns ? width - 1 - column : column)
                    for channel in 0..<channelCount {
                        target[index * channelCount + channel] = source[place * channelCount + channel]
                    }
                }
            }
        }
        return result
    }
}
