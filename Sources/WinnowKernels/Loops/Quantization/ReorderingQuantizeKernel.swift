internal import CWinnowKernels
package import WinnowTensor

/// Codes of 8 bits, channels-last, of a row-major tensor (N, C, spatial…) under one scale: quantized and reordered at once.
package struct ReorderingQuantizeKernel: Sendable {
    private let batch: Int
    private let channels: Int
    private let plane: Int
    private let range: (low: Float, high: Float)

    package init(_ shape: Shape, to codeType: ElementType) throws {
        guard let range = codeType.integerRange, codeType.bitWidth == 8, shape.rank >= 3 else {
            throw WinnowError(.unsupported, "quantize", "\(shape) to \(codeType) is not reordered")
        }
        (batch, channels, plane) = (shape[0], shape[1], shape.dropFirst(2).reduce(1, *))
        self.range = (Float(range.lowerBound), Float(range.upperBound))
    }

    package func run(_ source: UnsafePointer<Float>, scale: Float, zeroPoint: Float, to target: UnsafeMutablePointer<UInt8>) {
        for image in 0..<batch {
            let (x, y) = (source + image * channels * plane, target + image * channels * plane)
            forChunks(plane, minimum: max(1, threadShare / max(channels, 1))) { start, count in
                winnow_quantize_interleaved(
                    x + start, y + start * channels, channels, plane, count, scale, zeroPoint, range.low, range.high)
            }
        }
    }
}
