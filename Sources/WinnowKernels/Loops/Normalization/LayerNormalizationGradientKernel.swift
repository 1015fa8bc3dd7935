internal import CWinnowKernels

/// The gradients of a layer normalization over rows of float32, which finds mean and variance again.
package struct LayerNormalizationGradientKernel: Sendable {
    private let rows: Int
    private let width: Int
    private let epsilon: Float
    private let parts: Int

    package init(rows: Int, width: Int, epsilon: Float) {
        self.rows = rows
        self.width = width
        self.epsilon = epsilon
        parts = min(ThreadCount.worth(.elements(rows * width)), max(rows, 1))
    }

    /// Rows whose sums over rows are added up in float32.
    private static let block = 64

    /// For each part the sums of both vectors in float64, and those of a block in float32.
    private var partByteCount: Int { (2 * width * 8 + 2 * width * 4 + 63) / 64 * 64 }
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { parts * partByteCount }

    /// Writes (does not add to) the gradients. The source gradient may lie on the source or the target gradient.
    package func run(
        source: UnsafePointer<Float>, targetGradient: UnsafePointer<Float>, scale: UnsafePointer<Float>,
        gradients: NormalizationGradients, scratch: UnsafeMutableRawPointer
    ) {
        let sourceGradient = gradients.source.assumingMemoryBound(to: Float.self)
        let scaleGradient = gradients.scale?.assumingMemoryBound(to: Float.self)
        let shiftGradient = gradients.shift?.assumingMemoryBound(to: Float.self)
        func totals(_ part: Int) -> UnsafeMutablePointer<Double> {
            (scratch + part * partByteCount).assumingMemoryBound(to: Double.self)
        }
        Parallel.forParts(parts) { part in
            let sums = totals(part)
            sums.update(repeating: 0, count: 2 * width)
            let partial = UnsafeMutableRawPointer(sums + 2 * width).assumingMemoryBound(to: Float.self)
            let end = rows * (part + 1) / parts
            for row in stride(from: rows * part / parts, to: end, by: Self.block) {
                let start = row * width
                winnow_layer_normalization_gradient(
                    source + start, targetGradient + start, scale, sourceGradient + start, sums, sums + width, partial,
                    min(Self.block, end - row), width, epsilon)
            }
        }
        for index in 0..<width {
            scaleGradient?[index] = Float((0..<parts).reduce(0) { $0 + totals($1)[index] })
            shiftGradient?[index] = Float((0..<parts).reduce(0) { $0 + totals($1)[width + index] })
        }
    }
}
