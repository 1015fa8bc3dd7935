internal import CWinnowKernels
package import WinnowTensor

/// The mean of 8-bit codes over all spatial axes of a channels-last tensor, as a real number or a code.
package struct QuantizedAverageKernel: Sendable {
    private let batch: Int
    private let channels: Int
    private let plane: Int
    private let source: AffineEncoding
    private let target: AffineEncoding?
    private let range: ClosedRange<Float>

    /// - Parameter target: nil for float32.
    package init(_ shape: Shape, _ source: AffineEncoding, to target: AffineEncoding?) throws {
        // A sum of 2^23 codes still fits 32 bits.
        guard shape.rank >= 3, shape.dropFirst(2).reduce(1, *) <= 1 << 23 else {
            throw WinnowError(.unsupported, "mean of codes", "over \(shape) is not defined")
        }
        (batch, channels, plane) = (shape[0], shape[1], shape.dropFirst(2).reduce(1, *))
        self.source = source
        self.target = target
        let codes = target?.elementType.integerRange ?? 0...0
        range = Float(codes.lowerBound)...Float(codes.upperBound)
    }

    /// Bytes of scratch memory that `run` needs.
    package var scratchByteCount: Int { 4 * channels }

    package func run(_ codes: UnsafeRawPointer, to result: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer) {
        let sums = scratch.assumingMemoryBound(to: Int32.self)
        let offset = Int32(truncatingIfNeeded: plane) &* source.zeroPoint
        let factor = source.scale / Float(plane)
        for image in 0..<batch {
            let from = codes + image * channels * plane
            if source.elementType == .int8 {
                winnow_code_sums_s8(from.assumingMemoryBound(to: Int8.self), sums, plane, channels, channels)
            } else {
                winnow_code_sums_u8(from.assumingMemoryBound(to: UInt8.self), sums, plane, channels, channels)
            }
            guard let target else {
                let reals = result.assumingMemoryBound(to: Float.self) + image * channels
                for channel in 0..<channels { reals[channel] = Float(sums[channel] &- offset) * factor }
                continue
            }
            let bytes = result.assumingMemoryBound(to: UInt8.self) + image * channels
            for channel in 0..<channels {
                let code = (Float(sums[channel] &- offset) * factor / target.scale).rounded(.toNearestOrEven) + Float(target.zeroPoint)
                bytes[channel] = UInt8(truncatingIfNeeded: Int32(min(max(code, range.lowerBound), range.upperBound)))
            }
        }
    }
}
