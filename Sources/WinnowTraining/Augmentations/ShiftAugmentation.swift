import WinnowKernels
import WinnowTensor

/// Moves images over a black ground: what others call a random crop of an image padded with black.
package enum ShiftAugmentation: AugmentationMethod {
    package static let name = "shift"
    package static let help = "moves images by up to so many pixels along both axes; what comes in is black"
    package static let strengths = 0.0...1e4
    package static let usualStrength = 2.0
    package static let movesPixels = true

    package static func changes(_ samples: AugmentedSamples) -> Bool { samples.areImages }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) throws {
        try ImageAugmentation(maximumShift: Int(change.strength), fill: samples.black)
            .run(samples.copied(), samples.imageShape, key: samples.key, to: samples.floats)
    }
}
