package import WinnowTensor

/// How active every index of one axis is: Σ|x|, the largest |x|, and how many numbers are not 0.
package struct ChannelActivity: Statistic {
    package static let needsPlaces = true

    private let axis: Int
    /// Numbers that came by for each index.
    private var count = 0
    private var magnitudes: [Double]
    private var active: [Int]
    package private(set) var largest: [Float]

    /// - Parameters:
    ///   - axis: of the value; negative ones count from the end.
    ///   - extent: of the axis.
    package init(axis: Int, extent: Int) {
        self.axis = axis
        (magnitudes, active) = ([Double](repeating: 0, count: extent), [Int](repeating: 0, count: extent))
        largest = [Float](repeating: 0, count: extent)
    }

    package var isFinite: Bool { magnitudes.allSatisfy(\.isFinite) }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        let axis = axis < 0 ? axis + shape.rank : axis
        guard shape.indices.contains(axis), shape[axis] == active.count, !active.isEmpty else { return }
        let inner = shape.dropFirst(axis + 1).reduce(1, *)
        for start in stride(from: 0, to: values.count, by: max(1, inner)) {
            let channel = start / inner % active.count
            var (sum, number, peak) = (0.0, 0, largest[channel])
            for value in values[start..<(start + inner)] {
                sum += Double(value.magnitude)
                number += value == 0 ? 0 : 1
                peak = value.magnitude > peak ? value.magnitude : peak
            }
            magnitudes[channel] += sum
            active[channel] += number
            largest[channel] = peak
        }
        count += values.count / active.count
    }

    package mutating func merge(_ other: ChannelActivity) {
        guard other.active.count == active.count else { return }
        count += other.count
        for index in active.indices {
            magnitudes[index] += other.magnitudes[index]
            active[index] += other.active[index]
            largest[index] = max(largest[index], other.largest[index])
        }
    }

    package var meanMagnitudes: [Double] { magnitudes.map { $0 / Double(max(1, count)) } }
    /// The part of the numbers of each index that are 0.
    package var zeroParts: [Double] { active.map { count == 0 ? 0 : 1 - Double($0) / Double(count) } }
}
