package import WinnowTensor

/// scale · (x − mean) / √(variance + epsilon) + shift, mean and variance of each sample's groups of channels, in float32.
package struct GroupNormalizationKernel: Sendable {
    private let samples: Int
    private let groups: Int
    private let channelsPerGroup: Int
    private let inner: Int
    private let epsilon: Float
    private let scalesChannels: Bool

    /// `shape` is (N, C, spatial…), row-major; scale and shift have one number a channel, or one a group.
    package init(_ shape: Shape, groups: Int, epsilon: Float, scalesChannels: Bool = true) throws {
        guard shape.rank >= 2, groups > 0, shape[1] % groups == 0 else {
            throw WinnowError(.shape, "group normalization", "\(groups) groups do not fit shape \(shape)")
        }
        samples = shape[0]
        self.groups = groups
        channelsPerGroup = shape[1] / groups
        inner = shape.dropFirst(2).reduce(1, *)
        self.epsilon = epsilon
        self.scalesChannels = scalesChannels
    }

    /// `source` and `target` may be the same memory.
    package func run(
        from source: UnsafePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
        to target: UnsafeMutablePointer<Float>
    ) {
        let count = channelsPerGroup * inner
        Parallel.forEach(samples * groups, minimum: max(1, 16_384 / max(count, 1))) { row in
            let (x, y) = (source + row * count, target + row * count)
            let group = row % groups
            var sum = 0.0
            for index in 0..<count { sum += Double(x[index]) }
            let mean = sum / Double(max(count, 1))
            var squares = 0.0
            for index in 0..<count {
                let difference = Double(x[index]) - mean
                squares += difference * difference
            }
            let factor = Float(1 / (squares / Double(max(count, 1)) + Double(epsilon)).squareRoot())
            for channel in 0..<channelsPerGroup {
                let parameter = scalesChannels ? group * channelsPerGroup + channel : group
                let slope = scale[parameter] * factor
                let offset = shift[parameter] - Float(mean) * slope
                for index in (channel * inner)..<((channel + 1) * inner) { y[index] = x[index] * slope + offset }
            }
        }
    }
}
