import WinnowTensor

/// Random changes that keep an image's class, drawn anew for every sample and epoch.
public struct Augmentation: Codable, Hashable, Sendable {
    /// Images move by up to so many pixels along both axes; uncovered pixels are 0.
    public var shiftPixels: Int
    /// Half of the images are mirrored left to right.
    public var flipsHorizontally: Bool

    public init(shiftPixels: Int = 0, flipsHorizontally: Bool = false) {
        self.shiftPixels = shiftPixels
        self.flipsHorizontally = flipsHorizontally
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        shiftPixels = try values.decodeIfPresent(Int.self, forKey: .shiftPixels) ?? 0
        flipsHorizontally = try values.decodeIfPresent(Bool.self, forKey: .flipsHorizontally) ?? false
    }

    /// Whether anything is changed at all.
    package var isActive: Bool { shiftPixels > 0 || flipsHorizontally }
}

/// How one image is moved and mirrored.
package struct ImageTransform: Hashable {
    package var dx: Int
    package var dy: Int
    package var flips: Bool

    /// The transform of a sample, the same whenever it is asked for.
    package init(_ augmentation: Augmentation, sample: Int, epoch: Int, seed: UInt64) {
        var random = SplitMix(
            state: SplitMix.mix(seed &+ SplitMix.mix(UInt64(epoch) &+ 0x5EED)) &+ UInt64(sample) &* 0x9E37_79B9_7F4A_7C15)
        let span = UInt64(2 * augmentation.shiftPixels + 1)
        dx = Int(random.next() % span) - augmentation.shiftPixels
        dy = Int(random.next() % span) - augmentation.shiftPixels
        flips = augmentation.flipsHorizontally && random.next() >> 63 == 1
    }

    /// Writes planes of height × width elements through the transform; uncovered elements become `fill`.
    package func write<Element: BitwiseCopyable>(
        _ source: UnsafePointer<Element>, to target: UnsafeMutablePointer<Float>, planes: Int, height: Int, width: Int,
        fill: Float, _ convert: (Element) -> Float
    ) {
        for plane in 0..<planes {
            for y in 0..<height {
                let out = target + (plane * height + y) * width
                let sourceY = y - dy
                guard sourceY >= 0, sourceY < height else {
                    out.update(repeating: fill, count: width)
                    continue
                }
                let row = source + (plane * height + sourceY) * width
                for x in 0..<width {
                    let moved = x - dx
                    let inside = moved >= 0 && moved < width
                    out[x] = inside ? convert(row[flips ? width - 1 - moved : moved]) : fill
                }
            }
        }
    }
}
