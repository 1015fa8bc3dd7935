internal import CWinnowKernels

/// The gradient of a softmax of rows, or of its logarithm, in float32.
package struct SoftmaxGradientKernel: Sendable {
    private let rows: Int
    private let width: Int
    private let isLogarithm: Bool

    package init(rows: Int, width: Int, isLogarithm: Bool) {
        self.rows = rows
        self.width = width
        self.isLogarithm = isLogarithm
    }

    /// From the result's gradient and the result; `target` may be the memory of either.
    package func run(
        _ gradient: UnsafePointer<Float>, _ result: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>
    ) {
        forChunks(rows, minimum: max(1, threadShare / max(width, 1))) { row, count in
            let start = row * width
            winnow_softmax_gradient(gradient + start, result + start, target + start, count, width, isLogarithm ? 1 : 0)
        }
    }
}
