/// A Swift type that tensors store as it is.
public protocol TensorScalar: BitwiseCopyable, Sendable {
    static var elementType: ElementType { get }
}

extension Float: TensorScalar { public static var elementType: ElementType { .float32 } }
extension Double: TensorScalar { public static var elementType: ElementType { .float64 } }
extension Int8: TensorScalar { public static var elementType: ElementType { .int8 } }
extension UInt8: TensorScalar { public static var elementType: ElementType { .uint8 } }
extension Int16: TensorScalar { public static var elementType: ElementType { .int16 } }
extension UInt16: TensorScalar { public static var elementType: ElementType { .uint16 } }
extension Int32: TensorScalar { public static var elementType: ElementType { .int32 } }
extension UInt32: TensorScalar { public static var elementType: ElementType { .uint32 } }
extension Int64: TensorScalar { public static var elementType: ElementType { .int64 } }
extension UInt64: TensorScalar { public static var elementType: ElementType { .uint64 } }
extension Bool: TensorScalar { public static var elementType: ElementType { .bool } }
#if !(os(macOS) && arch(x86_64))
extension Float16: TensorScalar { public static var elementType: ElementType { .float16 } }
#endif

/// A 16-bit float with float32's exponent range; arithmetic happens in float32.
public struct BFloat16: TensorScalar, Hashable {
    public var bitPattern: UInt16
    public static var elementType: ElementType { .bfloat16 }

    public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    /// The nearest value, ties to even.
    public init(_ value: Float) {
        let bits = value.bitPattern
        if value.isNaN {
            bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x40
        } else {
            bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
        }
    }

    public var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
}
