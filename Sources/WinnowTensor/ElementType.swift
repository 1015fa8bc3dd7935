/// The type of one element of a tensor; raw values are ONNX `TensorProto.DataType` numbers.
///
/// Types smaller than a byte are packed over the whole tensor, the first element in the lowest bits.
public enum ElementType: Int, Sendable, Hashable, CaseIterable, Codable {
    case float32 = 1
    case uint8 = 2
    case int8 = 3
    case uint16 = 4
    case int16 = 5
    case int32 = 6
    case int64 = 7
    case bool = 9
    case float16 = 10
    case float64 = 11
    case uint32 = 12
    case uint64 = 13
    case bfloat16 = 16
    case float8E4M3FN = 17
    case float8E5M2 = 19
    case uint4 = 21
    case int4 = 22
    case float4E2M1 = 23
    case float8E8M0 = 24
    case uint2 = 25
    case int2 = 26

    /// ONNX's types that no tensor here holds, by their numbers.
    package static let foreignNames = [8: "string", 14: "complex64", 15: "complex128", 18: "float8e4m3fnuz", 20: "float8e5m2fnuz"]

    /// The bits one element takes in storage.
    public var bitWidth: Int {
        switch self {
        case .uint2, .int2: 2
        case .uint4, .int4, .float4E2M1: 4
        case .uint8, .int8, .bool, .float8E4M3FN, .float8E5M2, .float8E8M0: 8
        case .uint16, .int16, .float16, .bfloat16: 16
        case .float32, .int32, .uint32: 32
        case .float64, .int64, .uint64: 64
        }
    }

    /// The bytes that `count` elements take, rounded up to whole bytes.
    public func byteCount(of count: Int) -> Int { (count * bitWidth + 7) / 8 }

    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16, .float64, .float8E4M3FN, .float8E5M2, .float4E2M1, .float8E8M0: true
        default: false
        }
    }

    /// Whether weights of it are numbers as they were trained, not codes of such.
    package var storesWeights: Bool { isFloatingPoint && bitWidth >= 16 }

    public var isInteger: Bool { !isFloatingPoint && self != .bool }

    /// Whether an integer type has negative values.
    public var isSigned: Bool {
        switch self {
        case .int8, .int16, .int32, .int64, .int4, .int2: true
        default: isFloatingPoint && self != .float8E8M0
        }
    }

    /// The smallest and largest value of an integer type of at most 32 bits; nil for every other type.
    public var integerRange: ClosedRange<Int>? {
        switch self {
        case .int2: -2...1
        case .uint2: 0...3
        case .int4: -8...7
        case .uint4: 0...15
        case .int8: -128...127
        case .uint8: 0...255
        case .int16: -32_768...32_767
        case .uint16: 0...65_535
        case .int32: Int(Int32.min)...Int(Int32.max)
        case .uint32: 0...Int(UInt32.max)
        default: nil
        }
    }
}

extension ElementType: CustomStringConvertible {
    public var description: String {
        switch self {
        case .float8E4M3FN: "float8e4m3fn"
        case .float8E5M2: "float8e5m2"
        case .float4E2M1: "float4e2m1"
        case .float8E8M0: "float8e8m0"
        case .float32: "float32"
        case .uint8: "uint8"
        case .int8: "int8"
        case .uint16: "uint16"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .bool: "bool"
        case .float16: "float16"
        case .float64: "float64"
        case .uint32: "uint32"
        case .uint64: "uint64"
        case .bfloat16: "bfloat16"
        case .uint4: "uint4"
        case .int4: "int4"
        case .uint2: "uint2"
        case .int2: "int2"
        }
    }

    /// The element type with this `description`, or nil.
    public init?(named name: String) {
        guard let match = Self.allCases.first(where: { $0.description == name }) else { return nil }
        self = match
    }
}
