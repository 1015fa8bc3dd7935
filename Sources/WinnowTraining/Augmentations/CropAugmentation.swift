import WinnowKernels
import WinnowTensor

/// Crops images that are padded with their own mirror image at a random place.
package enum CropAugmentation: AugmentationMethod {
    package static let name = "crop"
    package static let help = "pads images by so many pixels of their mirror image, and crops them at random"
    package static let strengths = 0.0...1e4
    package static let usualStrength = 4.0
    package static let movesPixels = true

    package static func changes(_ samples: AugmentedSamples) -> Bool { samples.areImages }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) throws {
        let (source, shape, padding) = (samples.copied(), samples.imageShape, Int(change.strength))
        for index in 0..<samples.count {
            var random = AugmentationRandom(key: samples.key, stream: 3, sample: index)
            let move = (down: random.index(below: 2 * padding + 1) - padding, right: random.index(below: 2 * padding + 1) - padding)
            for plane in (index * shape[1])..<((index + 1) * shape[1]) {
                let start = plane * shape[2] * shape[3]
                AugmentationLoops.moveMirrored(source + start, height: shape[2], width: shape[3], move, to: samples.floats + start)
            }
        }
    }
}
