package import WinnowTensor

/// The smallest number of every index of one axis.
package struct ChannelMinima: Statistic {
    package static let needsPlaces = true

    private let axis: Int
    package private(set) var minima: [Float] = []

    /// - Parameter axis: of the value; negative ones count from the end.
    package init(axis: Int) { self.axis = axis }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        guard let axis = shape.axis(axis), shape[axis] > 0 else { return }
        let (extent, inner) = (shape[axis], shape.dropFirst(axis + 1).reduce(1, *))
        if minima.isEmpty { minima = [Float](repeating: .infinity, count: extent) }
        guard minima.count == extent else { return }
        for start in stride(from: 0, to: values.count, by: max(1, inner)) {
            let channel = start / inner % extent
            var least = minima[channel]
            for value in values[start..<(start + inner)] { least = value < least ? value : least }
            minima[channel] = least
        }
    }

    package mutating func merge(_ other: ChannelMinima) {
        guard !minima.isEmpty else { self = other; return }
        guard other.minima.count == minima.count else { return }
        for index in minima.indices { minima[index] = min(minima[index], other.minima[index]) }
    }
}
