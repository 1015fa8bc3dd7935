import WinnowKernels
import WinnowTensor

/// Mirrors images left to right.
package enum FlipAugmentation: AugmentationMethod {
    package static let name = "flip"
    package static let help = "mirrors images left to right with this probability"
    package static let strengths = 0.0...1.0
    package static let usualStrength = 0.5
    package static let movesPixels = true

    package static func changes(_ samples: AugmentedSamples) -> Bool { samples.areImages }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) throws {
        try ImageAugmentation(flipProbability: change.strength).run(samples.copied(), samples.imageShape, key: samples.key, to: samples.floats)
    }
}
