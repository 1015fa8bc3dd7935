import Testing
import WinnowKernels
import WinnowTensor

@Suite struct ImageAugmentationTests {
    static let shape: Shape = [200, 2, 5, 4]

    static func run(_ augmentation: ImageAugmentation, key: UInt64) throws -> [Float] {
        let source = (1...shape.elementCount).map { Float($0) }
        var target = [Float](repeating: .nan, count: source.count)
        try augmentation.run(source, shape, key: key, to: &target)
        return target
    }

    @Test func withoutStrengthItCopies() throws {
        #expect(try Self.run(ImageAugmentation(), key: 1) == (1...Self.shape.elementCount).map { Float($0) })
    }

    /// Every image is one shift and perhaps a flip of its own source, the same for all channels, and all of them occur.
    @Test func imagesAreShiftedAndFlipped() throws {
        let result = try Self.run(ImageAugmentation(maximumShift: 1, flips: true, fill: -1), key: 5)
        var seen: Set<[Int]> = []
        for image in 0..<200 {
            let match = (0..<18).first { kind in
                let (down, right, flip) = (kind / 3 % 3 - 1, kind % 3 - 1, kind / 9 == 1)
                return (0..<40).allSatisfy { place in
                    let (channel, y, x) = (place / 20, place / 4 % 5, place % 4)
                    let (row, column) = (y - down, x - right)
                    let inside = (0..<5).contains(row) && (0..<4).contains(column)
                    let source = image * 40 + channel * 20 + row * 4 + (flip ? 3 - column : column)
                    return result[image * 40 + place] == (inside ? Float(source + 1) : -1)
                }
            }
            if let match { seen.insert([match]) }
            #expect(match != nil)
        }
        #expect(seen.count == 18)
    }

    @Test func theKeyDecides() throws {
        let augmentation = ImageAugmentation(maximumShift: 2, flips: true)
        #expect(try Self.run(augmentation, key: 7) == Self.run(augmentation, key: 7))
        #expect(try Self.run(augmentation, key: 7) != Self.run(augmentation, key: 8))
    }
}
