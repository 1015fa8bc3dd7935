internal import WinnowTensor

/// Floats to integers. ONNX leaves open what becomes of those that do not fit: in casts it is what ONNX Runtime and NumPy make of them
/// on x86, the low bits of a conversion to 32 bits (64 to integers of 64). Results that stand for quantities saturate.
extension CastKernel {
    static func wrapping(_ target: ElementType) -> UnaryLoop? {
        switch target {
        case .int8: { mapElements(Float.self, Int8.self, $0, $1, $2) { Int8(truncatingIfNeeded: lowBits($0)) } }
        case .uint8: { mapElements(Float.self, UInt8.self, $0, $1, $2) { UInt8(truncatingIfNeeded: lowBits($0)) } }
        case .int16: { mapElements(Float.self, Int16.self, $0, $1, $2) { Int16(truncatingIfNeeded: lowBits($0)) } }
        case .uint16: { mapElements(Float.self, UInt16.self, $0, $1, $2) { UInt16(truncatingIfNeeded: lowBits($0)) } }
        case .int4, .uint4, .int2, .uint2: packed(target) { (x: Float) in lowBits(x) }
        default: wrapping(Float.self, target)
        }
    }

    static func wrapping<T: BinaryFloatingPoint & BitwiseCopyable & Sendable>(_ type: T.Type, _ target: ElementType) -> UnaryLoop? {
        switch target {
        case .int8: { mapElements(T.self, Int8.self, $0, $1, $2) { Int8(truncatingIfNeeded: signed(Double($0), 0x1p31) as Int32) } }
        case .uint8: { mapElements(T.self, UInt8.self, $0, $1, $2) { UInt8(truncatingIfNeeded: signed(Double($0), 0x1p31) as Int32) } }
        case .int16: { mapElements(T.self, Int16.self, $0, $1, $2) { Int16(truncatingIfNeeded: signed(Double($0), 0x1p31) as Int32) } }
        case .uint16: { mapElements(T.self, UInt16.self, $0, $1, $2) { UInt16(truncatingIfNeeded: signed(Double($0), 0x1p31) as Int32) } }
        case .int4, .uint4, .int2, .uint2: packed(target) { (x: T) in signed(Double(x), 0x1p31) }
        case .int32: { mapElements(T.self, Int32.self, $0, $1, $2) { signed(Double($0), 0x1p31) } }
        case .uint32: { mapElements(T.self, UInt32.self, $0, $1, $2) { UInt32(bitPattern: unsigned(Double($0), 0x1p31)) } }
        case .int64: { mapElements(T.self, Int64.self, $0, $1, $2) { signed(Double($0), 0x1p63) } }
        case .uint64: { mapElements(T.self, UInt64.self, $0, $1, $2) { UInt64(bitPattern: unsigned(Double($0), 0x1p63)) } }
        default: nil
        }
    }

    static func saturating(_ target: ElementType) -> UnaryLoop? {
        switch target {
        case .int8: { mapElements(Float.self, Int8.self, $0, $1, $2) { Int8(truncatingIfNeeded: cut($0, -128, 127)) } }
        case .uint8: { mapElements(Float.self, UInt8.self, $0, $1, $2) { UInt8(truncatingIfNeeded: cut($0, 0, 255)) } }
        case .int16: { mapElements(Float.self, Int16.self, $0, $1, $2) { Int16(truncatingIfNeeded: cut($0, -32_768, 32_767)) } }
        case .uint16: { mapElements(Float.self, UInt16.self, $0, $1, $2) { UInt16(truncatingIfNeeded: cut($0, 0, 65_535)) } }
        case .int32: { mapElements(Float.self, Int32.self, $0, $1, $2) { whole(Double($0), 0x1p31) } }
        case .uint32: { mapElements(Float.self, UInt32.self, $0, $1, $2) { whole(Double($0), 0x1p32) } }
        case .int64: { mapElements(Float.self, Int64.self, $0, $1, $2) { whole(Double($0), 0x1p63) } }
        case .uint64: { mapElements(Float.self, UInt64.self, $0, $1, $2) { whole(Double($0), 0x1p64) } }
        case .int4, .uint4, .int2, .uint2:
            target.integerRange.map { range in
                let (low, high) = (Float(range.lowerBound), Float(range.upperBound))
                return packed(target) { (x: Float) in cut(x, low, high) }
            }
        default: fromFloat(target, MiniFloat.Rounding())
        }
    }

    /// Elements of less than a byte, of which `whole` gives the low bits.
    @inline(__always)
    private static func packed<T: BitwiseCopyable>(_ target: ElementType, _ whole: @escaping @Sendable (T) -> Int32) -> UnaryLoop {
        { source, packed, count in
            let x = source.assumingMemoryBound(to: T.self)
            PackedLoops.pack(packed, count, bits: target.bitWidth) { UInt8(truncatingIfNeeded: whole(x[$0])) }
        }
    }

    /// The integer part of `x` where it lies within ±`limit`, the type's range; else, and of NaN, the lowest number.
    @inline(__always)
    private static func signed<Whole: FixedWidthInteger & SignedInteger>(_ x: Double, _ limit: Double) -> Whole {
        x > -limit && x < limit ? Whole(x) : .min
    }

    /// The bits of the integer part of `x` where it lies below 2 · `limit`: the upper half of the range is the lower with the first bit set.
    @inline(__always)
    private static func unsigned<Whole: FixedWidthInteger & SignedInteger>(_ x: Double, _ limit: Double) -> Whole {
        x >= limit ? signed(x - limit, limit) ^ .min : signed(x, limit)
    }

    /// The low 16 bits of `signed(x, 2³¹)`, without branches.
    @inline(__always)
    private static func lowBits(_ x: Float) -> Int32 {
        let magnitude = Rounding.magnitude(x)
        let whole = Rounding.copySign(Rounding.floor(magnitude), x)
        let rest = whole - 65_536 * Rounding.floor(whole * 0x1p-16)
        return bits(magnitude < 0x1p31 ? rest : 0)
    }

    /// The integer part of `x` saturated to the type, whose largest value is `limit` − 1; NaN becomes 0.
    @inline(__always)
    private static func whole<Whole: FixedWidthInteger>(_ x: Double, _ limit: Double) -> Whole {
        if x >= limit { return .max }
        let lowest = Whole.isSigned ? -limit : 0
        return x >= lowest ? Whole(x) : (x < lowest ? .min : 0)
    }

    /// The integer part of `x` saturated to low...high, both of magnitude below 2²²; NaN becomes 0 (or `low` if larger).
    @inline(__always)
    static func cut(_ x: Float, _ low: Float, _ high: Float) -> Int32 {
        let number = x != x ? 0 : x
        let raised = number < low ? low : number
        let clamped = raised > high ? high : raised
        return bits(Rounding.copySign(Rounding.floor(Rounding.magnitude(clamped)), clamped))
    }

    /// A whole number of magnitude below 2²².
    @inline(__always)
    private static func bits(_ whole: Float) -> Int32 { Int32(bitPattern: (whole + 12_582_912).bitPattern) &- 0x4B40_0000 }
}
