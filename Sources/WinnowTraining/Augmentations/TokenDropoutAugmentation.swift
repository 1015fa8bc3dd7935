import WinnowTensor

/// Puts another number, that of a mask or of what is unknown, in the place of some tokens.
package enum TokenDropoutAugmentation: AugmentationMethod {
    package static let name = "token-dropout"
    package static let help = "replaces tokens with this probability by the number `replacement`; `input` says whose"
    package static let strengths = 0.0...1.0
    package static let usualStrength = 0.1
    package static let isForOneInput = true

    package static func changes(_ samples: AugmentedSamples) -> Bool {
        samples.isInput && (samples.elementType == .int64 || samples.elementType == .int32)
    }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) {
        for index in 0..<samples.count {
            var random = AugmentationRandom(key: samples.key, stream: 8, sample: index)
            let places = (index * samples.sampleElementCount)..<((index + 1) * samples.sampleElementCount)
            for place in places where random.uniform() < change.strength {
                if samples.elementType == .int64 {
                    samples.base.assumingMemoryBound(to: Int64.self)[place] = Int64(change.replacement)
                } else {
                    samples.base.assumingMemoryBound(to: Int32.self)[place] = Int32(clamping: change.replacement)
                }
            }
        }
    }
}
