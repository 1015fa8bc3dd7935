internal import CWinnowKernels
internal import WinnowTensor

/// The sum of two tensors of 8-bit codes of one shape: quantize(dequantize(a) + dequantize(b)).
package struct QuantizedAddKernel: Sendable {
    private let sum: winnow_sum
    private let signs: (left: Bool, right: Bool)

    /// `clipsAtZero` fuses a ReLU.
    package init(_ a: AffineEncoding, _ b: AffineEncoding, to target: AffineEncoding, clipsAtZero: Bool = false) throws {
        guard let codes = target.elementType.integerRange, target.elementType.bitWidth == 8 else {
            throw WinnowError(.unsupported, "quantized add", "to \(target.elementType) is not defined")
        }
        let low = clipsAtZero ? max(codes.lowerBound, Int(target.zeroPoint)) : codes.lowerBound
        sum = winnow_sum(
            left_scale: a.scale, left_zero: Float(a.zeroPoint), right_scale: b.scale, right_zero: Float(b.zeroPoint),
            scale: target.scale, zero: Float(target.zeroPoint), low: Float(low), high: Float(codes.upperBound))
        signs = (a.elementType == .int8, b.elementType == .int8)
    }

    package func run(
        _ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>, to codes: UnsafeMutablePointer<UInt8>, count: Int
    ) {
        forChunks(count) { start, count in
            let (a, b, target) = (first + start, second + start, codes + start)
            let signedA = UnsafeRawPointer(a).assumingMemoryBound(to: Int8.self)
            let signedB = UnsafeRawPointer(b).assumingMemoryBound(to: Int8.self)
            withUnsafePointer(to: sum) { sum in
                switch signs {
                case (false, false): winnow_quantized_add_uu(a, b, target, count, sum)
                case (false, true): winnow_quantized_add_us(a, signedB, target, count, sum)
                case (true, false): winnow_quantized_add_su(signedA, b, target, count, sum)
                case (true, true): winnow_quantized_add_ss(signedA, signedB, target, count, sum)
                }
            }
        }
    }
}
