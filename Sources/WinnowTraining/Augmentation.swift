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
