import WinnowEngine
import WinnowReport

/// How far values are from those they should be.
public struct Deviation: Codable, Sendable, Hashable {
    /// The cosine of the angle between both.
    public var cosine: Double
    /// 10·log₁₀(Σa² / Σ(a−b)²) in dB; nil where both are equal, −∞ where an element is infinitely far off or no number.
    public var signalToNoiseDecibels: Double?
    public var maximumDifference: Double
    /// √(Σ(a−b)² / Σa²); infinite where only a is zero, or an element is infinitely far off or no number.
    public var relativeError: Double

    init(_ sums: PairSums) {
        cosine = sums.cosine
        signalToNoiseDecibels = sums.noise > 0 ? sums.decibels : nil
        maximumDifference = sums.largest
        relativeError = sums.relativeError
    }

    /// Compares element by element; equal infinities and NaN beside NaN differ by nothing.
    init(of b: [Double], from a: [Double]) {
        var sums = PairSums()
        sums.add(b, from: a)
        self.init(sums)
    }

    /// `cosine 0.9872, SQNR 15.8 dB, largest difference 0.2385`
    public var text: String {
        "cosine \(Format.number(cosine, 4)), SQNR \(noiseText), largest difference \(Format.short(maximumDifference))"
    }

    /// The signal-to-noise ratio as people read it.
    public var noiseText: String {
        signalToNoiseDecibels.map { $0 == -.infinity ? "−∞ dB" : "\(($0 * 10).rounded() / 10) dB" } ?? "equal"
    }
}
