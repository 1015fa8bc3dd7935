internal import CWinnowKernels

/// Softmax of dense rows of float32, on several threads where that pays.
package struct RowSoftmax: Sendable {
    package let rows: Int
    package let width: Int

    package init(rows: Int, width: Int) {
        self.rows = rows
        self.width = width
    }

    /// `source` and `target` may be the same memory.
    package func run(source: UnsafePointer<Float>, target: UnsafeMutablePointer<Float>) {
        forChunks(rows, minimum: max(1, threadShare / max(width, 1))) { start, count in
            winnow_softmax(source + start * width, target + start * width, count, width, nil, 0, 1, 0)
        }
    }
}
