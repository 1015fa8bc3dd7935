package import WinnowTensor

/// Linear interpolation along several axes at once: the weights of each corner are multiplied before the element is, and corners
/// are summed with the last axis running first.
///
/// In exact numbers this is one axis after the other; where results are cut to integers the order of rounding decides.
package struct CornerInterpolation: Sendable {
    private let axes: [ResamplingKernel.Axis]
    private let sourceStrides: [Int]
    private let targetShape: Shape
    /// Elements after the last axis, which move together.
    private let inner: Int

    /// - Parameter axes: of two taps each, in ascending order.
    package init(_ shape: Shape, _ axes: [ResamplingKernel.Axis]) {
        self.axes = axes
        var target = shape
        for axis in axes { target[axis.axis] = axis.targetExtent }
        targetShape = target
        sourceStrides = shape.strides
        inner = axes.last.map { shape[($0.axis + 1)...].reduce(1, *) } ?? 1
    }

    package func run(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
        let corners = 1 << axes.count
        let share = max(1, threadShare / max(inner * corners, 1))
        forChunks(targetShape.elementCount / max(inner, 1), minimum: share) { start, count in
            withUnsafeTemporaryAllocation(of: (offset: Int, weight: Float).self, capacity: corners) { table in
                for row in start..<(start + count) {
                    locate(row, table)
                    for i in 0..<inner {
                        var sum: Float = 0
                        for (offset, weight) in table { sum += weight * source[offset + i] }
                        target[row * inner + i] = sum
                    }
                }
            }
        }
    }

    /// Where the corners of a row of the target start in the source, and their weights.
    private func locate(_ row: Int, _ table: UnsafeMutableBufferPointer<(offset: Int, weight: Float)>) {
        for corner in table.indices { table.initializeElement(at: corner, to: (0, 1)) }
        var (rest, next) = (row, axes.count - 1)
        guard let last = axes.last?.axis else { return }
        for axis in stride(from: last, through: 0, by: -1) {
            let (outer, place) = rest.quotientAndRemainder(dividingBy: targetShape[axis])
            rest = outer
            guard next >= 0, axes[next].axis == axis else {
                for corner in table.indices { table[corner].offset += place * sourceStrides[axis] }
                continue
            }
            let bit = axes.count - 1 - next
            for corner in table.indices {
                let tap = 2 * place + (corner >> bit & 1)
                table[corner].offset += axes[next].indices[tap] * sourceStrides[axis]
                table[corner].weight *= axes[next].weights[tap]
            }
            next -= 1
        }
    }
}
