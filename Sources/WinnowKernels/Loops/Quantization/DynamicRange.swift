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
        let scale = (high - low) / 255
        guard scale > 0 else { return (1, 0) }
        return (scale, min(max((-low / scale).rounded(.toNearestOrEven), 0), 255))
    }
}
