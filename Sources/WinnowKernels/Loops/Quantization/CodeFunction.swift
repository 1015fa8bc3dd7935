internal import CWinnowKernels
internal import WinnowTensor

/// A function of the numbers that 8-bit codes stand for, as loops over codes.
struct CodeFunction: Sendable {
    typealias Adding = @Sendable (UnsafeRawPointer, UnsafeMutablePointer<Float>, Int, UnsafePointer<winnow_gating>) -> Void
    typealias Gating =
        @Sendable (UnsafeRawPointer, UnsafePointer<Float>, UnsafeMutablePointer<UInt8>, Int, UnsafePointer<winnow_gating>) -> Void

    let add: Adding
    let gate: Gating
    let alpha: Float

    /// - Parameter step: nil for the numbers themselves.
    init(_ step: Epilogue.Step?, of codeType: ElementType) throws {
        var alpha: Float = 0
        switch (step, codeType == .int8) {
        case (nil, false): (add, gate) = Self.unsigned(winnow_add_same_u8, winnow_gate_same_u8)
        case (nil, true): (add, gate) = Self.signed(winnow_add_same_s8, winnow_gate_same_s8)
        case (.relu, false): (add, gate) = Self.unsigned(winnow_add_relu_u8, winnow_gate_relu_u8)
        case (.relu, true): (add, gate) = Self.signed(winnow_add_relu_s8, winnow_gate_relu_s8)
        case (.hardSwish, false): (add, gate) = Self.unsigned(winnow_add_hard_swish_u8, winnow_gate_hard_swish_u8)
        case (.hardSwish, true): (add, gate) = Self.signed(winnow_add_hard_swish_s8, winnow_gate_hard_swish_s8)
        case (.swish(let factor), let isSigned):
            alpha = factor
            (add, gate) = isSigned
                ? Self.signed(winnow_add_swish_s8, winnow_gate_swish_s8) : Self.unsigned(winnow_add_swish_u8, winnow_gate_swish_u8)
        default: throw WinnowError(.unsupported, "function of codes", "is none that is known")
        }
        self.alpha = alpha
    }

    private static func unsigned(
        _ add: @escaping @Sendable (UnsafePointer<UInt8>?, UnsafeMutablePointer<Float>?, Int, UnsafePointer<winnow_gating>?) -> Void,
        _ gate: @escaping @Sendable (
            UnsafePointer<UInt8>?, UnsafePointer<Float>?, UnsafeMutablePointer<UInt8>?, Int, UnsafePointer<winnow_gating>?
        ) -> Void
    ) -> (Adding, Gating) {
        (
            { add($0.assumingMemoryBound(to: UInt8.self), $1, $2, $3) },
            { gate($0.assumingMemoryBound(to: UInt8.self), $1, $2, $3, $4) }
        )
    }

    private static func signed(
        _ add: @escaping @Sendable (UnsafePointer<Int8>?, UnsafeMutablePointer<Float>?, Int, UnsafePointer<winnow_gating>?) -> Void,
        _ gate: @escaping @Sendable (
            UnsafePointer<Int8>?, UnsafePointer<Float>?, UnsafeMutablePointer<UInt8>?, Int, UnsafePointer<winnow_gating>?
        ) -> Void
    ) -> (Adding, Gating) {
        (
            { add($0.assumingMemoryBound(to: Int8.self), $1, $2, $3) },
            { gate($0.assumingMemoryBound(to: Int8.self), $1, $2, $3, $4) }
        )
    }

    /// Elements of a row of whole pixels, long enough for vectors: loops over few channels would mostly be remainders.
    static func tile(channels: Int, plane: Int) -> Int { channels * max(1, min(plane, 1024 / max(channels, 1))) }
}
