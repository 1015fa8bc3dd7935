import WinnowGraph
import WinnowKernels
import WinnowTensor

extension KernelRequest {
    /// Throws `.unsupported` unless inputs (or just those listed) and outputs are float32.
    func checkFloat32(inputs listed: [Int]? = nil) throws {
        let checked = (listed ?? Array(inputs.indices)).compactMap { optionalInput($0) }
        for operand in checked where operand.elementType != .float32 {
            throw WinnowError(
                .unsupported, nodeName, "computes in float32, but is given \(operand.elementType)",
                remedy: "convert the model to float32")
        }
    }
}

extension ComputeOptions {
    var math: MathMode { usesBFloat16 ? .bfloat16 : .float32 }
}

extension OperandPlan {
    /// Calls `body` with the constant's memory, or nil if the operand is no constant.
    func withConstant<Result>(_ body: (UnsafeRawPointer?) throws -> Result) rethrows -> Result {
        guard let constant else { return try body(nil) }
        return try constant.withUnsafeBytes { try body($0.baseAddress) }
    }
}
