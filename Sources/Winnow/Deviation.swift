import Foundation

/// How far values are from those they should be.
public struct Deviation: Codable, Sendable, Hashable {
    /// The cosine of the angle between both.
    public var cosine: Double
    /// 10·log₁₀(Σa² / Σ(a−b)²) in dB; nil where both are equal.
    public var signalToNoiseDecibels: Double?
    public var maximumDifference: Double
    /// √(Σ(a−b)² / Σa²); infinite where only a is zero.
    public var relativeError: Double

    /// Compares element by element; equal infinities and NaN beside NaN differ by nothing.
    init(of b: [Double], from a: [Double]) {
        var (aa, bb, ab, noise, largest) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            if x == y || (x.isNaN && y.isNaN) {
                guard x.isFinite else { continue }
                (aa, bb, ab) = (aa + x * x, bb + y * y, ab + x * y)
                continue
            }
            let difference = (x - y).isNaN ? .infinity : (x - y).magnitude
            (aa, bb, ab) = (aa + x * x, bb + y * y, ab + x * y)
            noise += difference * difference
            largest = max(largest, difference)
        }
        cosine = aa > 0 && bb > 0 ? ab / (aa * bb).squareRoot() : (aa == bb ? 1 : 0)
        signalToNoiseDecibels = noise > 0 ? 10 * log10(aa / noise) : nil
        maximumDifference = largest
        relativeError = noise > 0 ? (noise / aa).squareRoot() : 0
    }

    /// The signal-to-noise ratio as people read it.
    public var noiseText: String {
        signalToNoiseDecibels.map { "\(($0 * 10).rounded() / 10) dB" } ?? "equal"
    }
}
