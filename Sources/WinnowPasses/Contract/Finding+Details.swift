import Foundation
import WinnowKernels

extension Finding {
    /// How a tensor's numbers became codes, and what that cost. What is not known is missing.
    public struct Codes: Codable, Hashable, Sendable {
        /// `int8 −127…127, a scale for each of 20 channels`
        public var scheme: String
        /// The smallest and the largest scale.
        public var scales: ClosedRange<Double>?
        /// 10·log₁₀ of the numbers' energy over that of what rounding them changes, in dB.
        public var signal: Double?
        /// The same of what the layer gives where everything before it is codes too; of an activation, before its own rounding.
        public var signalSoFar: Double?
        /// The part of the numbers that lie beyond all codes.
        public var clippedPart: Double?
        /// 10·log₁₀ of the part of the outputs' energy that this rounding takes, in dB.
        public var outputNoise: Double?

        package init(_ scheme: String, scales: ClosedRange<Double>? = nil) { (self.scheme, self.scales) = (scheme, scales) }
    }

    /// Which part of a weight's energy its first components hold.
    public struct EnergyCurve: Codable, Hashable, Sendable {
        /// Some of the ranks, rising; among them the one that was taken.
        public var ranks: [Int]
        /// The part of the energy up to each.
        public var energies: [Double]

        package init(ranks: [Int], energies: [Double]) { (self.ranks, self.energies) = (ranks, energies) }
    }
}

extension Finding.Codes {
    /// Decibels of a ratio of energies to two places; nil where there is none.
    static func decibels(_ ratio: Double) -> Double? {
        ratio > 0 && ratio.isFinite ? (1000 * log10(ratio)).rounded() / 100 : nil
    }

    init(_ parameters: QuantizationParameters) {
        let scales = parameters.scales.map(Double.init)
        self.init(parameters.text, scales: scales.min().flatMap { least in scales.max().map { least...$0 } })
    }

    /// - Parameter error: ‖change‖ / ‖numbers‖
    func with(relativeError error: Double, clippedPart: Double? = nil) -> Self {
        var result = self
        result.signal = error > 0 ? Self.decibels(1 / (error * error)) : nil
        result.clippedPart = clippedPart
        return result
    }
}

extension Finding.EnergyCurve {
    /// Points of a curve at most, but for the rank that was taken.
    private static let pointCount = 24

    /// - Parameter rank: the one that was taken.
    init(_ spectrum: Spectrum, through rank: Int) {
        let known = spectrum.squares.count
        let spread = (1...Self.pointCount).map { max(1, known * $0 / Self.pointCount) }
        ranks = Set(spread + [rank]).filter { (1...max(1, known)).contains($0) }.sorted()
        energies = ranks.map { (1e4 * min(1, spectrum.energy(rank: $0))).rounded() / 1e4 }
    }
}

extension QuantizationParameters {
    /// `int8 −127…127, a scale for each of 20 channels`, `uint8 0…255, one scale, zero point 119`
    fileprivate var text: String {
        let bounds = [codes.lowerBound, codes.upperBound].map { $0 < 0 ? "−\($0.magnitude)" : "\($0)" }.joined(separator: "…")
        let count = axis == nil || scales.count == 1 ? "one scale"
            : blockSize > 0 ? "a scale for each \(blockSize) numbers" : "a scale for each of \(scales.count) channels"
        let zeros = Set(zeroPoints)
        let offset = zeros == [0] ? "" : zeros.count == 1 ? ", zero point \(zeroPoints[0])" : ", zero points of their own"
        return "\(elementType) \(bounds), \(count)\(offset)"
    }
}
