internal import WinnowTensor

/// Memory for a scale and a zero point that change from run to run.
final class RuntimeEncoding: @unchecked Sendable {
    let scale = Tensor([Float(1)]).memory.storage
    let zeroPoint = Tensor([Int32(0)]).memory.storage

    func set(_ encoding: AffineEncoding) {
        scale.base.storeBytes(of: encoding.scale, as: Float.self)
        zeroPoint.base.storeBytes(of: encoding.zeroPoint, as: Int32.self)
    }
}
