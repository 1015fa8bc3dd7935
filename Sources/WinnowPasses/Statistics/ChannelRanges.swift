import WinnowKernels
package import WinnowTensor

/// The smallest and largest number of each slice of a weight along an axis, or of all, and their moving average while it changes.
package struct ChannelRanges: Sendable {
    /// nil: the ranges are one.
    package let axis: Int?
    package private(set) var current: [ClosedRange<Float>] = []
    /// The first, then m += 0.01·(x − m).
    package var averages: [ClosedRange<Float>] = []

    package init(axis: Int?) { self.axis = axis }

    package mutating func add(_ weight: Tensor) {
        current = Self.ranges(of: weight, axis: axis)
        averages = averages.isEmpty ? current : zip(averages, current).map { $0.moved(towards: $1, by: 0.01) }
    }

    private static func ranges(of weight: Tensor, axis: Int?) -> [ClosedRange<Float>] {
        weight.withElements(Float.self) { values in
            guard let axis else { return [range(of: values)] }
            let (count, length) = (weight.shape[axis], weight.shape.dropFirst(axis + 1).reduce(1, *))
            var result: [ClosedRange<Float>] = []
            for (run, start) in stride(from: 0, to: values.count, by: max(1, length)).enumerated() {
                let own = range(of: UnsafeBufferPointer(rebasing: values[start..<start + length]))
                if run < count { result.append(own) } else { result[run % count] = result[run % count].joined(with: own) }
            }
            return result
        }
    }

    private static func range(of values: UnsafeBufferPointer<Float>) -> ClosedRange<Float> {
        let found = RangeStatistics(of: values)
        return found.minimum <= found.maximum ? found.minimum...found.maximum : 0...0
    }
}

extension ClosedRange<Float> {
    func moved(towards other: Self, by part: Float) -> Self {
        let low = lowerBound + part * (other.lowerBound - lowerBound)
        return low...Swift.max(low, upperBound + part * (other.upperBound - upperBound))
    }

    fileprivate func joined(with other: Self) -> Self {
        Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
    }
}
