import Foundation
import WinnowTensor

/// Zero points, or scales where codes have none, are moved so that most numbers lose little and few lose much, without data: of
/// ‖W − Ŵ‖ₚ, p = 0.7, by half-quadratic splitting (HQQ; Badri and Shaji 2023): e ← sign(x)·max(0, |x| − |x|^(p−1)/β), x = W − Ŵ;
/// then zero ← mean(q − (W − e)/s), or s ← Σ(W − e)·q / Σq²; β from 10, times 1.01 each of 20 times, while the mean |x| falls.
package struct HalfQuadraticRounding: WeightRounding {
    package static let name = "hqq"
    private static let exponent: Float = 0.7
    private static let stepCount = 20

    package init(_ choice: RoundingChoice) {}

    package func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) -> RoundedWeight? {
        let weight = task.target.values
        let values = weight.floats()
        let groups = task.parameters.leaderIndices(of: Array(values.indices), in: weight.shape)
        var (parameters, best, beta) = (task.parameters, task.parameters, Float(10))
        var rounded = parameters.roundTrip(weight)
        var errors = Self.errors(values, rounded.floats(), groups, parameters.scales.count)
        for _ in 0..<Self.stepCount {
            let goal = zip(values, rounded.floats()).map { $0 - Self.shrunk($0 - $1, beta) }
            parameters = parameters.fitted(to: goal, values, groups).followingLeaders(in: weight.shape)
            rounded = parameters.roundTrip(weight)
            let found = Self.errors(values, rounded.floats(), groups, parameters.scales.count)
            for index in found.indices where found[index] < errors[index] {
                (best.scales[index], best.zeroPoints[index]) = (parameters.scales[index], parameters.zeroPoints[index])
                errors[index] = found[index]
            }
            beta *= 1.01
        }
        best = best.followingLeaders(in: weight.shape)
        return RoundedWeight(values: best.roundTrip(weight), parameters: best)
    }

    private static func shrunk(_ x: Float, _ beta: Float) -> Float {
        guard x != 0 else { return 0 }
        let size = max(0, x.magnitude - pow(x.magnitude, exponent - 1) / beta)
        return x < 0 ? -size : size
    }

    /// Σ|x| of the numbers of each scale.
    private static func errors(_ values: [Float], _ rounded: [Float], _ groups: [Int], _ count: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: count)
        for index in values.indices { sums[groups[index]] += Double((values[index] - rounded[index]).magnitude) }
        return sums
    }
}

extension QuantizationParameters {
    /// The same with what leaders have for those that they lead.
    fileprivate func followingLeaders(in shape: Shape) -> QuantizationParameters {
        guard let leaders = leaders(in: shape) else { return self }
        var result = self
        (result.scales, result.zeroPoints) = (leaders.map { scales[$0] }, leaders.map { zeroPoints[$0] })
        return result
    }

    /// Zero points, or scales where there are none, that come nearest to `goal` with the codes that `values` have.
    fileprivate func fitted(to goal: [Float], _ values: [Float], _ groups: [Int]) -> QuantizationParameters {
        var result = self
        guard !isGiven else { return self }
        let isAffine = zeroPoints.contains { $0 != 0 }
        var (sums, weights) = ([Double](repeating: 0, count: scales.count), [Double](repeating: 0, count: scales.count))
        for index in values.indices {
            let group = groups[index]
            let code = Double((nearest(values[index], scale: group) / scales[group]).rounded()) + Double(zeroPoints[group])
            sums[group] += isAffine ? code - Double(goal[index]) / Double(scales[group]) : Double(goal[index]) * code
            weights[group] += isAffine ? 1 : code * code
        }
        for group in sums.indices where weights[group] > 0 && sums[group].isFinite {
            let value = sums[group] / weights[group]
            if isAffine {
                result.zeroPoints[group] = Int(min(max(value.rounded(), Double(codes.lowerBound)), Double(codes.upperBound)))
            } else if value > 0, Float(value).isNormal {
                result.scales[group] = Float(value)
            }
        }
        return isAffine ? result : settingScales(result.scales)
    }
}
