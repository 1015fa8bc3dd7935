import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Σ (x − zero point of x) · (w − zero point of w) of a whole contraction: Σ x·(w − zw) less the zero point of x times
/// the sums of (w − zw), so that the zero point of x may change from run to run.
struct ZeroPointCorrection {
    /// Σ (w − zw) of what meets each output channel.
    private let filterSums: [Int32]
    /// The distance in elements between channels of the target, and the channels' extent.
    private let channelStride: Int
    private let elementCount: Int
    private let zeroPointType: ElementType?

    /// `zeroPoint` is nil where it is constant and already taken care of.
    init(filterSums: [Int32], target: Shape, channelAxis: Int, zeroPoint: OperandPlan?, nodeName: String) throws {
        self.filterSums = filterSums
        channelStride = target[(channelAxis + 1)...].reduce(1, *)
        elementCount = target.elementCount
        zeroPointType = zeroPoint?.elementType
        guard zeroPoint == nil || zeroPoint?.shape.elementCount == 1 else {
            throw WinnowError(.unsupported, nodeName, "its data has a zero point for each row")
        }
    }

    /// Takes the zero point's share off the sums.
    func apply(_ sums: UnsafeMutablePointer<Int32>, zeroPoint: UnsafeRawPointer?) {
        guard let zeroPoint, let zeroPointType else { return }
        let value = zeroPointType == .int8
            ? Int32(zeroPoint.load(as: Int8.self)) : Int32(zeroPoint.load(as: UInt8.self))
        guard value != 0 else { return }
        filterSums.withUnsafeBufferPointer { filterSums in
            let channels = filterSums.count
            for index in 0..<elementCount { sums[index] &-= value &* filterSums[index / channelStride % channels] }
        }
    }
}
