import Foundation

/// How the learning rate changes over the steps of a run; the formulas are those of `torch.optim.lr_scheduler`.
public struct Schedule: Codable, Hashable, Sendable {
    public enum Shape: String, Codable, Sendable, CaseIterable {
        case constant
        /// Multiplied by `factor` every `interval` epochs (StepLR).
        case step
        /// From the learning rate to `minimumFactor` of it along half a cosine (CosineAnnealingLR, per step).
        case cosine
        /// The same again and again, `interval` epochs each (CosineAnnealingWarmRestarts, per step).
        case restarts
        /// Up to the learning rate and down again, both along half a cosine (OneCycleLR, per step).
        case oneCycle = "one-cycle"
    }

    public var shape: Shape
    /// Epochs of linear warm-up, from `warmupFactor` of the learning rate; the shape begins after them.
    public var warmupEpochs: Double
    public var warmupFactor = 0.01
    /// Epochs between two drops of `.step`, or two beginnings of `.restarts`.
    public var interval: Int
    /// What `.step` multiplies by.
    public var factor = 0.1
    /// What `.cosine` ends at, as a part of the learning rate.
    public var minimumFactor = 0.0
    /// The part of the steps in which `.oneCycle` rises.
    public var riseFraction = 0.3
    /// `.oneCycle` starts at the learning rate divided by this…
    public var initialDivisor = 25.0
    /// …and ends at its start divided by this.
    public var finalDivisor = 1e4

    public init(_ shape: Shape = .constant, warmupEpochs: Double = 0, interval: Int = 10) {
        self.shape = shape
        self.warmupEpochs = warmupEpochs
        self.interval = interval
    }

    /// What the learning rate is multiplied by at a step (counted from 0) of a run.
    public func multiplier(step: Int, stepsPerEpoch: Int, totalSteps: Int) -> Double {
        let warmupSteps = min(totalSteps, Int((warmupEpochs * Double(stepsPerEpoch)).rounded()))
        if step < warmupSteps {
            return warmupFactor + (1 - warmupFactor) * Double(step) / Double(warmupSteps)
        }
        let position = step - warmupSteps
        switch shape {
        case .constant: return 1
        case .step:
            let drops = position / max(1, interval * stepsPerEpoch)
            return pow(factor, Double(drops))
        case .cosine:
            let fraction = Double(position) / Double(max(1, totalSteps - warmupSteps))
            return minimumFactor + (1 - minimumFactor) * (1 + cos(.pi * fraction)) / 2
        case .restarts:
            let period = max(1, interval * stepsPerEpoch)
            let fraction = Double(position % period) / Double(period)
            return minimumFactor + (1 - minimumFactor) * (1 + cos(.pi * fraction)) / 2
        case .oneCycle: return oneCycle(step: position, of: totalSteps - warmupSteps)
        }
    }

    private func oneCycle(step: Int, of totalSteps: Int) -> Double {
        let initial = 1 / initialDivisor
        let top = riseFraction * Double(totalSteps) - 1
        let end = Double(totalSteps) - 1
        let position = Double(step)
        if position <= top { return Self.anneal(initial, 1, top > 0 ? position / top : 1) }
        return Self.anneal(1, initial / finalDivisor, end > top ? (position - top) / (end - top) : 1)
    }

    private static func anneal(_ start: Double, _ end: Double, _ fraction: Double) -> Double {
        end + (start - end) / 2 * (1 + cos(.pi * fraction))
    }
}

extension Schedule {
    /// Reads the shape's name alone, or any of the properties; those left out keep their defaults.
    public init(from decoder: any Decoder) throws {
        self.init()
        if let shape = try? decoder.singleValueContainer().decode(Shape.self) {
            self.shape = shape
            return
        }
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, _ fallback: Value) throws -> Value {
            try values.decodeIfPresent(Value.self, forKey: key) ?? fallback
        }
        shape = try read(.shape, shape)
        warmupEpochs = try read(.warmupEpochs, warmupEpochs)
        warmupFactor = try read(.warmupFactor, warmupFactor)
        interval = try read(.interval, interval)
        factor = try read(.factor, factor)
        minimumFactor = try read(.minimumFactor, minimumFactor)
        riseFraction = try read(.riseFraction, riseFraction)
        initialDivisor = try read(.initialDivisor, initialDivisor)
        finalDivisor = try read(.finalDivisor, finalDivisor)
    }
}
