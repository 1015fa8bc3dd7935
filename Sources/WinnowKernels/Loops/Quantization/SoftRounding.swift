import Foundation

/// How far up numbers are rounded, each between 0 and 1 and learned: h = clip(1.2·σ(v) − 0.1, 0, 1), v by Adam
/// (AdaRound; Nagel et al. 2020, equations 22 and 23).
package struct SoftRounding: Sendable {
    /// h of each number.
    package private(set) var parts: [Float]
    private var logits: [Float]
    private var first: [Float]
    private var second: [Float]
    private var stepCount = 0

    /// - Parameter parts: where to start, between 0 and 1.
    package init(parts: [Float]) {
        self.parts = parts.map { min(max($0, 0.001), 0.999) }
        logits = self.parts.map { -log(1.2 / ($0 + 0.1) - 1) }
        first = [Float](repeating: 0, count: parts.count)
        second = first
    }

    /// One step down `gradient`, of a loss by the parts, and down pressure·Σ(1 − |2h − 1|^sharpness), which pushes them to 0 or 1.
    /// Parts that have come there stay.
    package mutating func step(_ gradient: [Float], pressure: Float, sharpness: Float, rate: Float) {
        stepCount += 1
        let corrections = (1 - pow(0.9, Float(stepCount)), 1 - pow(0.999, Float(stepCount)))
        let exponent = sharpness - 1
        parts.withUnsafeMutableBufferPointer { parts in
            logits.withUnsafeMutableBufferPointer { logits in
                first.withUnsafeMutableBufferPointer { first in
                    second.withUnsafeMutableBufferPointer { second in
                        for index in parts.indices where parts[index] > 0 && parts[index] < 1 {
                            let sigmoid = (parts[index] + 0.1) / 1.2
                            let distance = 2 * parts[index] - 1
                            let push = pressure == 0 ? 0 : pressure * sharpness * pow(distance.magnitude, exponent) * (distance < 0 ? -2 : 2)
                            let slope = (gradient[index] - push) * 1.2 * sigmoid * (1 - sigmoid)
                            first[index] = 0.9 * first[index] + 0.1 * slope
                            second[index] = 0.999 * second[index] + 0.001 * slope * slope
                            logits[index] -= rate * first[index] / corrections.0 / ((second[index] / corrections.1).squareRoot() + 1e-8)
                            parts[index] = min(max(1.2 / (1 + exp(-logits[index])) - 0.1, 0), 1)
                        }
                    }
                }
            }
        }
    }
}
