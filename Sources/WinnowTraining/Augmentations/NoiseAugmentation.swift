import WinnowKernels
import WinnowTensor

/// Adds normal noise to whatever numbers the model takes: waves, vectors, images.
package enum NoiseAugmentation: AugmentationMethod {
    package static let name = "noise"
    package static let help = "adds normal noise of this standard deviation to inputs"
    package static let strengths = 0.0...1e6
    package static let usualStrength = 0.01

    package static func changes(_ samples: AugmentedSamples) -> Bool { samples.elementType == .float32 && samples.isInput }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) {
        samples.forEach(7) { values, random in
            AugmentationLoops.addNoise(values, deviation: change.strength) { random.uniform() }
        }
    }
}
