import WinnowKernels
import WinnowTensor

/// Makes images brighter or darker: black + f·(x − black), f in 1 ± strength.
package enum BrightnessAugmentation: AugmentationMethod {
    package static let name = "brightness"
    package static let help = "multiplies images by 1 ± so much"
    package static let strengths = 0.0...1.0
    package static let usualStrength = 0.2

    package static func changes(_ samples: AugmentedSamples) -> Bool { samples.areImages && samples.isInput }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) {
        samples.forEach(4) { image, random in
            AugmentationLoops.stretch(image, around: samples.black, by: Float(1 + random.symmetric(change.strength)))
        }
    }
}
