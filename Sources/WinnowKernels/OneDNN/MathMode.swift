internal import WinnowTensor

/// The arithmetic inside float32 contractions; data in memory stay float32 in both.
package enum MathMode: Hashable, Sendable {
    case float32
    /// Products may be rounded to bfloat16 where the CPU is faster for it; sums stay float32.
    case bfloat16

    /// The type to which a contraction rounds its operands before it starts, with the primitive that takes it: not worth it
    /// where each element is in few products, and missing in oneDNN for some shapes.
    ///
    /// oneDNN's own mode (`fpmath_mode`) would round inside, but only with AMX, and not in gradients of filters.
    func choose(
        products: Int, largestOperand: Int, _ make: (ElementType) throws -> PrimitiveDescriptor
    ) throws -> (operandType: ElementType, descriptor: PrimitiveDescriptor) {
        if self == .bfloat16, OneDNN.multipliesBFloat16, products >= 16 * largestOperand {
            do { return (.bfloat16, try make(.bfloat16)) } catch let error as WinnowError where error.kind == .unsupported {}
        }
        return (.float32, try make(.float32))
    }
}
