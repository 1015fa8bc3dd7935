internal import CWinnowKernels
package import WinnowTensor

/// The mean of functions of 8-bit codes over all spatial axes of a channels-last tensor, as a real number or a code.
package struct QuantizedAverageKernel: Sendable {
    private let batch: Int
    private let channels: Int
    private let plane: Int
    private let tile: Int
    private let source: AffineEncoding
    /// nil: the mean of the codes, summed as integers.
    private let function: CodeFunction?
    private let target: AffineEncoding?
    private let range: ClosedRange<Float>

    /// - Parameters:
    ///   - activation: nil, or one of relu, hardSwish and swish.
    ///   - target: nil for float32.
    package init(_ shape: Shape, _ source: AffineEncoding, activation: Epilogue.Step? = nil, to target: AffineEncoding?) throws {
        guard shape.rank >= 3 else {
            throw WinnowError(.unsupported, "mean of codes", "over \(shape) is not defined")
        }
        (batch, channels, plane) = (shape[0], shape[1], shape.dropFirst(2).reduce(1, *))
        tile = CodeFunction.tile(channels: channels, plane: plane)
        self.source = source
        // A sum of 2^23 codes still fits 32 bits.
        function = activation == nil && plane <= 1 << 23 ? nil : try CodeFunction(activation, of: source.elementType)
        self.target = target
        let codes = target?.elementType.integerRange ?? 0...0
        range = Float(codes.lowerBound)...Float(codes.upperBound)
    }

    /// Bytes of scratch memory that `run` needs.
    package var scratchByteCount: Int { 4 * tile }

    package func run(_ codes: UnsafeRawPointer, to result: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer) {
        for image in 0..<batch {
            let from = codes + image * channels * plane
            if let function {
                let sums = scratch.assumingMemoryBound(to: Float.self)
                sum(into: sums, 0) { start, count in
                    let gating = winnow_gating(
                        source_scale: source.scale, source_zero: Float(source.zeroPoint), alpha: function.alpha, zero: 0, low: 0, high: 0)
                    withUnsafePointer(to: gating) { function.add(from + start, sums, count, $0) }
                }
                for channel in 0..<channels { store(folded(sums, channel, +) / Float(plane), at: image * channels + channel, of: result) }
            } else {
                let sums = scratch.assumingMemoryBound(to: Int32.self)
                sum(into: sums, 0) { start, count in
                    if source.elementType == .int8 {
                        winnow_add_codes_s8((from + start).assumingMemoryBound(to: Int8.self), sums, count)
                    } else {
                        winnow_add_codes_u8((from + start).assumingMemoryBound(to: UInt8.self), sums, count)
                    }
                }
                let offset = Int32(truncatingIfNeeded: plane) &* source.zeroPoint
                for channel in 0..<channels {
                    let total = folded(sums, channel, &+) &- offset
                    store(Float(total) * (source.scale / Float(plane)), at: image * channels + channel, of: result)
                }
            }
        }
    }

    /// Calls `add` for one tile after the other, each to be added to `sums`.
    @inline(__always)
    private func sum<Sum>(into sums: UnsafeMutablePointer<Sum>, _ zero: Sum, _ add: (_ start: Int, _ count: Int) -> Void) {
        for index in 0..<tile { sums[index] = zero }
        let count = channels * plane
        for start in stride(from: 0, to: count, by: max(tile, 1)) { add(start, min(tile, count - start)) }
    }

    /// The sum of a channel over the pixels of a tile.
    @inline(__always)
    private func folded<Sum>(_ sums: UnsafePointer<Sum>, _ channel: Int, _ add: (Sum, Sum) -> Sum) -> Sum {
        var total = sums[channel]
        for index in stride(from: channel + channels, to: tile, by: channels) { total = add(total, sums[index]) }
        return total
    }

    @inline(__always)
    private func store(_ mean: Float, at index: Int, of result: UnsafeMutableRawPointer) {
        guard let target else {
            result.storeBytes(of: mean, toByteOffset: 4 * index, as: Float.self)
            return
        }
        let code = (mean / target.scale).rounded(.toNearestOrEven) + Float(target.zeroPoint)
        // NaN comes out as the lowest code.
        let clamped = code > range.lowerBound ? min(code, range.upperBound) : range.lowerBound
        result.storeBytes(of: UInt8(truncatingIfNeeded: Int32(clamped)), toByteOffset: index, as: UInt8.self)
    }
}
