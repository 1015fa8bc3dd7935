internal import WinnowTensor

extension CastKernel {
    static func fromFloat(_ target: ElementType, _ rounding: MiniFloat.Rounding) -> UnaryLoop? {
        switch target {
        case .float64: return { mapElements(Float.self, Double.self, $0, $1, $2) { Double($0) } }
        case .float16: return { mapElements(Float.self, UInt16.self, $0, $1, $2, HalfFloat.encode) }
        case .bfloat16: return { mapElements(Float.self, UInt16.self, $0, $1, $2) { bfloat16($0) } }
        case .bool: return { mapElements(Float.self, Bool.self, $0, $1, $2) { $0 != 0 } }
        case .float8E4M3FN, .float8E5M2, .float8E8M0:
            guard let format = target.miniFloat else { return nil }
            return { mapElements(Float.self, UInt8.self, $0, $1, $2) { format.code(of: $0, rounding) } }
        case .float4E2M1:
            return { source, target, count in
                let x = source.assumingMemoryBound(to: Float.self)
                PackedLoops.pack(target, count, bits: 4) { MiniFloat.e2m1.code(nearest: x[$0]) }
            }
        default: return wrapping(target)
        }
    }

    static func fromDouble(_ target: ElementType, _ rounding: MiniFloat.Rounding) -> UnaryLoop? {
        switch target {
        case .float32: return { mapElements(Double.self, Float.self, $0, $1, $2) { Float($0) } }
        case .float16: return { mapElements(Double.self, Float16.self, $0, $1, $2) { Float16($0) } }
        case .bool: return { mapElements(Double.self, Bool.self, $0, $1, $2) { $0 != 0 } }
        default:
            if let loop = wrapping(Double.self, target) { return loop }
            guard let second = fromFloat(target, rounding) else { return nil }
            return { source, result, count in
                let x = source.assumingMemoryBound(to: Double.self)
                withUnsafeTemporaryAllocation(of: Float.self, capacity: stackBlock) { block in
                    guard let base = block.baseAddress else { return }
                    for start in stride(from: 0, to: count, by: stackBlock) {
                        let size = min(stackBlock, count - start)
                        for i in 0..<size { base[i] = Float(x[start + i]) }
                        second(base, result + start * target.bitWidth / 8, size)
                    }
                }
            }
        }
    }

    static func fromInteger<T: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ type: T.Type, _ target: ElementType, _ rounding: MiniFloat.Rounding
    ) -> UnaryLoop? {
        switch target {
        case .float32: return { mapElements(T.self, Float.self, $0, $1, $2) { Float($0) } }
        case .float64: return { mapElements(T.self, Double.self, $0, $1, $2) { Double($0) } }
        case .float16: return { mapElements(T.self, UInt16.self, $0, $1, $2) { HalfFloat.encode(Float($0)) } }
        case .bfloat16: return { mapElements(T.self, UInt16.self, $0, $1, $2) { BFloat16(Float($0)).bitPattern } }
        case .int8: return wrap(T.self, Int8.self)
        case .uint8: return wrap(T.self, UInt8.self)
        case .int16: return wrap(T.self, Int16.self)
        case .uint16: return wrap(T.self, UInt16.self)
        case .int32: return wrap(T.self, Int32.self)
        case .uint32: return wrap(T.self, UInt32.self)
        case .int64: return wrap(T.self, Int64.self)
        case .uint64: return wrap(T.self, UInt64.self)
        case .bool: return { mapElements(T.self, Bool.self, $0, $1, $2) { $0 != 0 } }
        case .int4, .uint4, .int2, .uint2:
            return { source, packed, count in
                let x = source.assumingMemoryBound(to: T.self)
                PackedLoops.pack(packed, count, bits: target.bitWidth) { UInt8(truncatingIfNeeded: x[$0]) }
            }
        case .float8E4M3FN, .float8E5M2, .float8E8M0:
            guard let format = target.miniFloat else { return nil }
            return { mapElements(T.self, UInt8.self, $0, $1, $2) { format.code(of: Float($0), rounding) } }
        case .float4E2M1:
            return { source, target, count in
                let x = source.assumingMemoryBound(to: T.self)
                PackedLoops.pack(target, count, bits: 4) { MiniFloat.e2m1.code(nearest: Float(x[$0])) }
            }
        }
    }

    @inline(__always)
    private static func bfloat16(_ x: Float) -> UInt16 {
        let bits = x.bitPattern
        let rounded = (bits &+ 0x7FFF &+ ((bits &>> 16) & 1)) &>> 16
        let mask: UInt32 = x != x ? .max : 0
        return UInt16(truncatingIfNeeded: (((bits &>> 16) | 0x40) & mask) | (rounded & ~mask))
    }

    private static func wrap<A: FixedWidthInteger & BitwiseCopyable & Sendable, B: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ from: A.Type, _ to: B.Type
    ) -> UnaryLoop {
        { mapElements(A.self, B.self, $0, $1, $2) { B(truncatingIfNeeded: $0) } }
    }
}
