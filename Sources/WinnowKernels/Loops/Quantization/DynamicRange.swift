internal import CWinnowKernels
import WinnowTensor

/// Finds scale and zero point of uint8 codes from the data itself (ONNX's DynamicQuantizeLinear).
package enum DynamicRange {
    /// Scale and zero point that spread 0…255 over the values and 0.
    package static func encoding(of source: UnsafePointer<Float>, count: Int) -> (scale: Float, zeroPoint: Float) {
        var low: Float = 0
        var high: Float = 0
        _ = winnow_range(source, count, &low, &high)
        (low, high) = (min(low, 0), max(high, 0))
        let width = high - low
        // The difference of two finite numbers may be infinite.
        let scale = width.isFinite ? width / 255 : Float((Double(high) - Double(low)) / 255)
        guard scale > 0 else { return (1, 0) }
        return (scale, Float(UInt8(saturating: Double((-low / scale).rounded(.toNearestOrEven)))))
    }
}
