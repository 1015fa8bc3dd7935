import WinnowKernels
import WinnowTensor

/// Spreads or narrows the values of an image around their mean m: m + f·(x − m), f in 1 ± strength.
package enum ContrastAugmentation: AugmentationMethod {
    package static let name = "contrast"
    package static let help = "multiplies the distance of images from their mean by 1 ± so much"
    package static let strengths = 0.0...1.0
    package static let usualStrength = 0.2

    package static func changes(_ samples: AugmentedSamples) -> Bool { samples.areImages && samples.isInput }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) {
        samples.forEach(5) { image, random in
            let mean = AugmentationLoops.mean(image)
            AugmentationLoops.stretch(image, around: mean, by: Float(1 + random.symmetric(change.strength)))
        }
    }
}
