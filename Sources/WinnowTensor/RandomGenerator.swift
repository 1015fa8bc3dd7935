import Foundation

/// A seeded random number generator (xoshiro256**, Blackman and Vigna 2018) whose state can be saved and resumed.
public struct RandomGenerator: RandomNumberGenerator, Sendable, Codable, Hashable {
    private var state: [UInt64]

    /// A generator that gives the same numbers for the same seed and stream.
    public init(seed: UInt64, stream: UInt64 = 0) {
        var mixer = SplitMix(state: seed &+ stream &* 0xD1B5_4A32_D192_ED03)
        state = (0..<4).map { _ in mixer.next() }
    }

    public mutating func next() -> UInt64 {
        let result = Self.rotate(state[1] &* 5, 7) &* 9
        let shifted = state[1] << 17
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= shifted
        state[3] = Self.rotate(state[3], 45)
        return result
    }

    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { (value << bits) | (value >> (64 - bits)) }

    /// A number in [0, 1) with 24 random bits.
    public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// A number from the standard normal distribution (Box–Muller).
    public mutating func normal() -> Float {
        let radius = (-2 * log(1 - Double(next() >> 11) * 0x1p-53)).squareRoot()
        return Float(radius * cos(2 * .pi * Double(next() >> 11) * 0x1p-53))
    }
}

/// The SplitMix64 step: a good mixer of 64 bits, used for seeding and for counter-based random numbers.
package struct SplitMix: RandomNumberGenerator, Sendable {
    package var state: UInt64
    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    package static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
