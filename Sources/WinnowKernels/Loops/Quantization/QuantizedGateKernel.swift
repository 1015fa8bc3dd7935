internal import CWinnowKernels
package import WinnowTensor

/// Codes of f(x) · gate of a channels-last tensor of 8-bit codes, with one real number for each image and channel.
package struct QuantizedGateKernel: Sendable {
    private let batch: Int
    private let channels: Int
    private let elementCount: Int
    private let tile: Int
    private let function: CodeFunction
    private let gating: winnow_gating
    private let targetScale: Float

    /// - Parameter activation: nil, or one of relu, hardSwish and swish.
    package init(_ shape: Shape, _ source: AffineEncoding, activation: Epilogue.Step?, to target: AffineEncoding) throws {
        guard shape.rank >= 3, let codes = target.elementType.integerRange, target.elementType.bitWidth == 8 else {
            throw WinnowError(.unsupported, "product of codes", "of \(shape) to \(target.elementType) is not defined")
        }
        (batch, channels, elementCount) = (shape[0], shape[1], shape.dropFirst().reduce(1, *))
        tile = CodeFunction.tile(channels: channels, plane: shape.dropFirst(2).reduce(1, *))
        function = try CodeFunction(activation, of: source.elementType)
        gating = winnow_gating(
            source_scale: source.scale, source_zero: Float(source.zeroPoint), alpha: function.alpha,
            zero: Float(target.zeroPoint), low: Float(codes.lowerBound), high: Float(codes.upperBound))
        targetScale = target.scale
    }

    /// Bytes of scratch memory that `run` needs.
    package var scratchByteCount: Int { 4 * tile }

    package func run(
        _ codes: UnsafeRawPointer, gate: UnsafePointer<Float>, to result: UnsafeMutablePointer<UInt8>,
        scratch: UnsafeMutableRawPointer
    ) {
        let factors = scratch.assumingMemoryBound(to: Float.self)
        for image in 0..<batch {
            for channel in 0..<channels { factors[channel] = gate[image * channels + channel] / targetScale }
            for index in channels..<max(tile, channels) { factors[index] = factors[index - channels] }
            let (x, y) = (codes + image * elementCount, result + image * elementCount)
            let tiles = (elementCount + tile - 1) / max(tile, 1)
            forChunks(tiles, minimum: max(1, threadShare / max(tile, 1))) { first, count in
                withUnsafePointer(to: gating) { gating in
                    for start in stride(from: first * tile, to: min((first + count) * tile, elementCount), by: tile) {
                        function.gate(x + start, factors, y + start, min(tile, elementCount - start), gating)
                    }
                }
            }
        }
    }
}
