internal import CWinnowKernels
package import WinnowTensor

/// Softmax of float32, or its logarithm, along the middle one of three dense axes, on several threads where that pays.
package struct ColumnSoftmax: Sendable {
    package let shape: Shape
    package let isLogarithm: Bool

    /// - Parameter shape: (outer, elements that count together, columns next to each other).
    package init(_ shape: Shape, logarithm: Bool) {
        self.shape = shape
        isLogarithm = logarithm
    }

    /// `source` and `target` may be the same memory.
    package func run(source: UnsafePointer<Float>, target: UnsafeMutablePointer<Float>) {
        let (count, columns) = (shape[1], shape[2])
        // Whole vectors to a thread.
        let width = min(columns, 256)
        let blocks = (columns + width - 1) / max(width, 1)
        forChunks(shape[0] * blocks, minimum: max(1, threadShare / max(count * width, 1))) { start, number in
            for block in start..<start + number {
                let (outer, first) = (block / blocks, block % blocks * width)
                let offset = outer * count * columns + first
                winnow_softmax_columns(
                    source + offset, target + offset, count, columns, min(width, columns - first), isLogarithm ? 1 : 0)
            }
        }
    }
}
