import WinnowTensor

/// A random change of samples, drawn from their place in the training run alone.
package protocol AugmentationMethod: Sendable {
    /// As recipes call it: `token-dropout`.
    static var name: String { get }
    static var help: String { get }
    static var strengths: ClosedRange<Double> { get }
    /// The strength of a change that is named without one.
    static var usualStrength: Double { get }
    /// Whether samples are blended with each other, so that all arrays of a step must be numbers that can be blended.
    static var blendsSamples: Bool { get }
    /// Whether pixels come to lie elsewhere, so that classes of pixels must go with them.
    static var movesPixels: Bool { get }
    /// Whether it must be told which input it is for, where there are several that it could change.
    static var isForOneInput: Bool { get }

    /// Whether it changes such samples.
    static func changes(_ samples: AugmentedSamples) -> Bool

    /// Changes the samples of one array in place.
    static func apply(_ change: AugmentationChange, to samples: AugmentedSamples) throws
}

extension AugmentationMethod {
    package static var blendsSamples: Bool { false }
    package static var movesPixels: Bool { false }
    package static var isForOneInput: Bool { false }
}

package enum AugmentationCatalogue {
    /// In the order in which they are made.
    package static let all: [any AugmentationMethod.Type] = [
        FlipAugmentation.self,
        ShiftAugmentation.self,
        CropAugmentation.self,
        BrightnessAugmentation.self,
        ContrastAugmentation.self,
        SaturationAugmentation.self,
        NoiseAugmentation.self,
        TokenDropoutAugmentation.self,
        MixupAugmentation.self,
    ]
}

/// The samples of one array in a step, as they lie in a plan's input.
package struct AugmentedSamples {
    /// The first element; as many follow as `shape` says.
    let base: UnsafeMutableRawPointer
    /// (N, …one sample as it came).
    let shape: Shape
    let elementType: ElementType
    /// Whether the model takes them; else they are what it is compared with.
    let isInput: Bool
    /// What 0 of a byte became: black.
    let black: Float
    /// Fixes what is drawn: the same for all arrays of a step.
    let key: UInt64
    /// Room for as many elements.
    let workspace: UnsafeMutableRawPointer
    /// Whether the last two axes may be height and width.
    var mayBeImages = true

    var count: Int { shape[0] }
    var sampleElementCount: Int { count == 0 ? 0 : shape.elementCount / count }
    var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

    /// float32 with height and width last.
    var areImages: Bool { mayBeImages && elementType == .float32 && shape.rank >= 3 }

    /// (N, planes, H, W).
    var imageShape: Shape {
        let (height, width) = (shape[shape.rank - 2], shape[shape.rank - 1])
        return [count, shape.elementCount / max(1, count * height * width), height, width]
    }

    /// A copy of the samples in the workspace, from which the changed ones are made.
    func copied() -> UnsafeMutablePointer<Float> {
        workspace.copyMemory(from: base, byteCount: shape.elementCount * MemoryLayout<Float>.stride)
        return workspace.assumingMemoryBound(to: Float.self)
    }

    /// Calls `body` with the elements of each sample and the random numbers of it.
    func forEach(_ stream: UInt64, _ body: (UnsafeMutableBufferPointer<Float>, inout AugmentationRandom) -> Void) {
        for index in 0..<count {
            var random = AugmentationRandom(key: key, stream: stream, sample: index)
            body(UnsafeMutableBufferPointer(start: floats + index * sampleElementCount, count: sampleElementCount), &random)
        }
    }
}

/// Random numbers of one sample in one step.
struct AugmentationRandom {
    private var bits: SplitMix

    /// - Parameter stream: a number of the method's own.
    init(key: UInt64, stream: UInt64, sample: Int) {
        bits = SplitMix(state: SplitMix.mix(key &+ stream &* 0x9E37_79B9_7F4A_7C15) &+ UInt64(truncatingIfNeeded: sample) &* 0xD1B5_4A32_D192_ED03)
    }

    /// In 0..<1.
    mutating func uniform() -> Double { Double(bits.next() >> 11) * 0x1p-53 }

    /// In −`limit`...`limit`.
    mutating func symmetric(_ limit: Double) -> Double { (2 * uniform() - 1) * limit }

    /// In 0..<`count`.
    mutating func index(below count: Int) -> Int { Int(bits.next() % UInt64(count)) }
}
