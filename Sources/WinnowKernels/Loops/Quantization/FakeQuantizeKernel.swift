internal import CWinnowKernels
package import WinnowTensor

/// Quantization and dequantization in one step, and its derivatives: straight-through to x, learned step size to the
/// scale (Esser et al. 2020, equation 3).
package struct FakeQuantizeKernel: Sendable {
    private let geometry: ScaleLayout
    private let low: Float
    private let high: Float

    /// Codes lie in `range`.
    package init(_ range: ClosedRange<Int>, _ geometry: ScaleLayout) {
        self.geometry = geometry
        low = Float(range.lowerBound)
        high = Float(range.upperBound)
    }

    /// `source` and `target` may be the same memory.
    package func run(
        _ source: UnsafePointer<Float>, _ encodings: AffineEncodings, to target: UnsafeMutablePointer<Float>
    ) {
        let step = Int32(geometry.scaleStep)
        geometry.forEachPiece { start, count, scale in
            winnow_fake_quantize(
                source + start, target + start, count, encodings.scales + scale, encodings.zeroPoints + scale, step, low, high)
        }
    }

    /// Sums are kept for each of these pieces, so that the result does not depend on the number of threads.
    private var pieceCount: Int {
        switch (geometry.rowCount, geometry.scaleStep) {
        case (1, 0): max(1, (geometry.rowLength + Self.pieceLength - 1) / Self.pieceLength)
        case (_, 0): geometry.rowCount
        default: 1
        }
    }

    private static let pieceLength = 16_384

    /// Bytes of scratch memory that `runGradient` needs.
    package var gradientScratchByteCount: Int {
        (geometry.scaleStep == 1 ? geometry.scaleCount : pieceCount) * MemoryLayout<Double>.stride
    }

    /// `sourceGradient` may be nil; `scaleGradient` gets one number for each scale.
    package func runGradient(
        _ targetGradient: UnsafePointer<Float>, _ source: UnsafePointer<Float>, _ encodings: AffineEncodings,
        sourceGradient: UnsafeMutablePointer<Float>?, scaleGradient: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer
    ) {
        let sums = scratch.assumingMemoryBound(to: Double.self)
        let step = Int32(geometry.scaleStep)
        func add(_ start: Int, _ count: Int, _ scale: Int, _ sum: UnsafeMutablePointer<Double>) {
            winnow_fake_quantize_gradient(
                targetGradient + start, source + start, sourceGradient.map { $0 + start }, sum, count, encodings.scales + scale,
                encodings.zeroPoints + scale, step, low, high)
        }
        if geometry.scaleStep == 1 {
            sums.initialize(repeating: 0, count: geometry.scaleCount)
            for row in 0..<geometry.rowCount {
                let (start, count, scale) = geometry.row(row)
                add(start, count, scale, sums + scale)
            }
            for scale in 0..<geometry.scaleCount { scaleGradient[scale] = Float(sums[scale]) }
            return
        }
        let pieces = pieceCount
        sums.initialize(repeating: 0, count: pieces)
        if geometry.rowCount == 1 {
            Parallel.forEach(pieces, minimum: 2) { piece in
                let start = piece * Self.pieceLength
                add(start, min(Self.pieceLength, geometry.rowLength - start), 0, sums + piece)
            }
            scaleGradient[0] = Float((0..<pieces).reduce(0) { $0 + sums[$1] })
            return
        }
        Parallel.forEach(pieces, minimum: max(1, threadShare / max(geometry.rowLength, 1))) { row in
            let (start, count, scale) = geometry.row(row)
            add(start, count, scale, sums + row)
        }
        scaleGradient.initialize(repeating: 0, count: geometry.scaleCount)
        for scale in 0..<geometry.scaleCount {
            var total = 0.0
            for row in stride(from: scale, to: pieces, by: geometry.scaleCount) { total += sums[row] }
            scaleGradient[scale] = Float(total)
        }
    }
}
