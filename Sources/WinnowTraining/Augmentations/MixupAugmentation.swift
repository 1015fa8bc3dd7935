import Foundation
import WinnowKernels
import WinnowTensor

/// Blends every sample and its target with another of the same step: λ·x + (1 − λ)·x′, λ of the Beta(α, α) distribution, one a step
/// (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018).
package enum MixupAugmentation: AugmentationMethod {
    package static let name = "mixup"
    package static let help = "blends samples and their targets with others of the step; the parameter α of the Beta distribution"
    package static let strengths = 0.0...1.0
    package static let usualStrength = 0.2
    package static let blendsSamples = true

    package static func changes(_ samples: AugmentedSamples) -> Bool { samples.elementType == .float32 }

    package static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) {
        let share = Float(share(change.strength, key: samples.key))
        let partners = partners(samples.count, key: samples.key)
        let (source, count) = (samples.copied(), samples.sampleElementCount)
        for (index, partner) in partners.enumerated() {
            AugmentationLoops.blend(samples.floats + index * count, with: source + partner * count, count: count, share: share)
        }
    }

    /// λ, by Jöhnk's method, which is for α up to 1.
    static func share(_ alpha: Double, key: UInt64) -> Double {
        var random = AugmentationRandom(key: key, stream: 9, sample: -1)
        while true {
            // Logarithms, for powers of 1/α soon vanish.
            let (x, y) = (log(1 - random.uniform()) / alpha, log(1 - random.uniform()) / alpha)
            let highest = max(x, y)
            guard highest.isFinite else { return 1 }
            let sum = highest + log(exp(x - highest) + exp(y - highest))
            if sum <= 0 { return exp(x - sum) }
        }
    }

    /// The other sample of each: a random permutation.
    static func partners(_ count: Int, key: UInt64) -> [Int] {
        var random = AugmentationRandom(key: key, stream: 9, sample: 0)
        var result = Array(0..<count)
        for index in stride(from: count - 1, to: 0, by: -1) { result.swapAt(index, random.index(below: index + 1)) }
        return result
    }
}
