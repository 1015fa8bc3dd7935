import WinnowKernels
import WinnowTensor

/// Numbers that share a scale keep their sum to within half a step: those that were nearest to being rounded the other way are,
/// where the layer's data is never negative. Data of one sign multiplies the sum of a weight's errors by its mean, which is most
/// of what they do to the output (SQuant; Guo et al. 2022, section 3.3, with blocks in the place of kernels). It needs no data.
package struct SumPreservingRounding: WeightRounding {
    package static let name = "sum-preserving"

    package init(_ choice: RoundingChoice) {}

    package func rounded(_ task: RoundingTask, _ layer: LayerReconstruction?) -> RoundedWeight? {
        let (target, parameters) = (task.target, task.parameters)
        // What columns of outputs share, no sum has.
        let areOutputs = parameters.blockSize > 0 && parameters.axis == target.channelAxis && parameters.form == nil
        guard target.meetsNoNegatives, parameters.axis != nil, !areOutputs else { return nil }
        let layout = parameters.layout(of: target.stored.shape)
        var values = target.values
        var (elements, starts) = values.withElements(Float.self) { layout.grouped($0) }
        for (scale, (start, end)) in zip(starts, starts.dropFirst()).enumerated() {
            let zero = Float(parameters.zeroPoints[scale])
            let codes = (Float(parameters.codes.lowerBound) - zero)...(Float(parameters.codes.upperBound) - zero)
            let step = parameters.scales[scale]
            let rounded = Self.codes(elements[start..<end].map { $0 / step }, codes)
            for (offset, code) in rounded.enumerated() { elements[start + offset] = code == 0 ? 0 : code * step }
        }
        values.withMutableElements(Float.self) { layout.ungrouped(elements, to: $0) }
        return RoundedWeight(values: values, parameters: parameters)
    }

    /// The nearest codes, but for so many as the sum of their errors has steps.
    static func codes(_ quotients: [Float], _ range: ClosedRange<Float>) -> [Float] {
        var codes = quotients.map { min(max($0.rounded(.toNearestOrEven), range.lowerBound), range.upperBound) }
        let errors = zip(codes, quotients).map { $0 - $1 }
        let total = errors.reduce(0, +)
        let direction: Float = total > 0 ? 1 : -1
        let candidates = errors.indices.filter { errors[$0] * direction > 0 && errors[$0].magnitude <= 0.5 && range.contains(codes[$0] - direction) }
        let count = Int(min(total.magnitude.rounded(.toNearestOrEven), Float(candidates.count)))
        for index in candidates.sorted(by: { (errors[$0].magnitude, $1) > (errors[$1].magnitude, $0) }).prefix(count) { codes[index] -= direction }
        return codes
    }
}
