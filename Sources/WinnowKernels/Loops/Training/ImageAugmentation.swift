package import WinnowTensor

/// Random shifts and horizontal flips of a row-major batch (N, C, H, W), a function of a key and the image's place.
package struct ImageAugmentation: Hashable, Sendable {
    /// Images move by up to this many pixels along each axis.
    package var maximumShift: Int
    package var flipProbability: Double
    /// What comes in from outside the image.
    package var fill: Float

    package init(maximumShift: Int = 0, flips: Bool = false, fill: Float = 0) {
        self.maximumShift = maximumShift
        flipProbability = flips ? 0.5 : 0
        self.fill = fill
    }

    package init(flipProbability: Double) {
        self.init()
        self.flipProbability = flipProbability
    }

    /// Writes the changed images; the buffers must not overlap.
    package func run(_ source: UnsafePointer<Float>, _ shape: Shape, key: UInt64, to target: UnsafeMutablePointer<Float>) throws {
        guard shape.rank == 4 else { throw WinnowError(.shape, "augmentation", "needs images (N, C, H, W), not \(shape)") }
        let (channels, height, width) = (shape[1], shape[2], shape[3])
        for image in 0..<shape[0] {
            let change = change(key, image)
            for channel in 0..<channels {
                let plane = (image * channels + channel) * height * width
                for y in 0..<height {
                    copyRow(source + plane, target + plane + y * width, y - change.down, height, width, change)
                }
            }
        }
    }

    private struct Change {
        var down: Int
        var right: Int
        var flipped: Bool
    }

    private func change(_ key: UInt64, _ image: Int) -> Change {
        var bits = SplitMix(state: SplitMix.mix(key) &+ UInt64(truncatingIfNeeded: image) &* 0xD1B5_4A32_D192_ED03)
        let span = UInt64(2 * maximumShift + 1)
        let down = Int(bits.next() % span) - maximumShift
        let right = Int(bits.next() % span) - maximumShift
        return Change(down: down, right: right, flipped: Double(bits.next() >> 11) * 0x1p-53 >= 1 - flipProbability)
    }

    private func copyRow(
        _ plane: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, _ row: Int, _ height: Int, _ width: Int,
        _ change: Change
    ) {
        guard row >= 0 && row < height else { return target.update(repeating: fill, count: width) }
        let from = plane + row * width
        for x in 0..<width {
            let column = x - change.right
            let inside = column >= 0 && column < width
            target[x] = inside ? from[change.flipped ? width - 1 - column : column] : fill
        }
    }
}
