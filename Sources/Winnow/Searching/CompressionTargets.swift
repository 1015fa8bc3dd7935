import Foundation
import WinnowPasses
public import WinnowReport
import WinnowTensor

/// How much of something may be left: a part of what the original has, or so much.
public enum Amount: Hashable, Sendable {
    case part(Double)
    case absolute(Double)

    /// What may be left where the original has `whole`.
    public func limit(of whole: Double) -> Double {
        switch self {
        case .part(let part): part * whole
        case .absolute(let number): number
        }
    }
}

extension CompressionCost {
    /// What the letters behind a number stand for.
    private var units: [String: Double] {
        switch self {
        case .size, .zippedSize: ["B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1024, "MiB": 1_048_576, "GiB": 1_073_741_824]
        case .latency: LatencyLimit.units
        case .multiplyAccumulates: ["": 1, "k": 1e3, "M": 1e6, "G": 1e9]
        }
    }

    private var example: String {
        switch self {
        case .size, .zippedSize: "25% or 900kB"
        case .latency: "50% or 3ms"
        case .multiplyAccumulates: "50% or 300M"
        }
    }

    /// Reads `25%`, or a number with a unit. Throws `.usage` naming `option` for what is neither, or asks for nothing.
    public func amount(parsing text: String, for option: String) throws -> Amount {
        let digits = text.prefix { $0.isNumber || $0 == "." }
        let unit = text.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)
        let number = Double(digits)
        guard let number, number > 0, number.isFinite else { throw problem(text, option) }
        if unit == "%" {
            guard number <= 100 else {
                throw WinnowError(.usage, option, "\(text) is more than the model has", remedy: "give at most 100%")
            }
            return .part(number / 100)
        }
        guard let factor = units.first(where: { $0.key.lowercased() == unit.lowercased() })?.value else { throw problem(text, option) }
        return .absolute(number * factor)
    }

    private func problem(_ text: String, _ option: String) -> WinnowError {
        WinnowError(.usage, option, "\(text) is no \(words)", remedy: "write for example \(example)")
    }
}

/// What a compressed model must keep and reach.
public struct CompressionTargets: Hashable, Sendable {
    /// What the score on validation data may drop: points of a hundred for a part of one, else so much in its own unit.
    public var maxDrop: Double
    /// The most that may be left of each cost; without any, as little as goes at no larger drop.
    public var limits: [CompressionCost: Amount]

    public init(maxDrop: Double = 0.5, limits: [CompressionCost: Amount] = [:]) {
        self.maxDrop = maxDrop
        self.limits = limits
    }
}

