import WinnowKernels
import WinnowTensor

/// Makes colours stronger or paler: g + f·(x − g) with g the grey of the pixel (ITU-R BT.601), f in 1 ± strength.
package enum SaturationAugmentation: AugmentationMethod {
    package static let name = "saturation"
    package static let help = "multiplies the distance of colours from grey by 1 ± so much"
    package static let strengths = 0.0...1.0
    package static let usualStrength = 0.2

    /// Three channels before height and width.
    package static func changes(_ samples: AugmentedSamples) -> Bool {
        samples.areImages && samples.isInput && samples.shape.rank >= 4 && samples.shape[samples.shape.rank - 3] == 3
    }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) {
        let shape = samples.imageShape
        let planeCount = 3 * shape[2] * shape[3]
        samples.forEach(6) { image, random in
            let factor = Float(1 + random.symmetric(change.strength))
            for start in stride(from: 0, to: image.count, by: planeCount) {
                AugmentationLoops.saturate(UnsafeMutableBufferPointer(rebasing: image[start..<(start + planeCount)]), by: factor)
            }
        }
    }
}
