import SwiftProtobuf
import WinnowGraph
import WinnowTensor

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ElementType {
    init(onnx number: Int32, of subject: String) throws {
        if let known = ElementType(rawValue: Int(number)) {
            self = known
        } else if let name = Self.foreignNames[Int(number)] {
            throw WinnowError(.unsupported, subject, "has element type \(name), which is not supported")
        } else {
            throw WinnowError(.model, subject, "has an unknown element type (\(number))")
        }
    }
}

extension Tensor {
    /// Reads a tensor from whichever field its elements are in.
    init(_ proto: Onnx_TensorProto, subject: String, external: ExternalDataReader) throws {
        guard !proto.hasSegment else { throw WinnowError(.unsupported, subject, "is stored in segments") }
        let type = try ElementType(onnx: proto.dataType, of: subject)
        let shape = try Shape(checking: proto.dims, of: subject, .model)
        func raw(_ bytes: UnsafeRawBufferPointer) throws -> Tensor {
            let count = type.byteCount(of: shape.elementCount)
            guard bytes.count == count else { throw Self.mismatch(subject, type, shape, "\(count) bytes", "\(bytes.count)") }
            return Tensor(copying: bytes, shape: shape, type)
        }
        if let bytes = external.bytes(of: proto) {
            if let mapped = external.mapped(proto, shape: shape, type) {
                self = mapped
            } else {
                self = try raw(bytes)
                external.release(proto)
            }
        } else if proto.dataLocation == .external {
            let entries = Dictionary(proto.externalData.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
            self = try external.tensor(entries, shape: shape, type, subject: subject)
        } else if proto.hasRawData {
            self = try proto.rawData.withUnsafeBytes(raw)
        } else {
            self = try Self.typed(proto, subject, type, shape)
        }
    }

    /// Reads the repeated field that the element type belongs to.
    private static func typed(_ proto: Onnx_TensorProto, _ subject: String, _ type: ElementType, _ shape: Shape) throws -> Tensor {
        func whole<Scalar: TensorScalar>(_ values: [Scalar]) throws -> Tensor {
            guard values.count == shape.elementCount else {
                throw mismatch(subject, type, shape, "\(shape.elementCount) elements", "\(values.count)")
            }
            return Tensor(values, shape: shape)
        }
        func narrowed<Scalar: TensorScalar & FixedWidthInteger>(_ values: [some FixedWidthInteger], _: Scalar.Type) throws -> Tensor {
            try whole(values.map { value in
                guard let result = Scalar(exactly: value) else {
                    throw WinnowError(.model, subject, "holds \(value), which is no \(Scalar.elementType)")
                }
                return result
            })
        }
        func bytes() throws -> Tensor {
            let count = type.byteCount(of: shape.elementCount)
            guard proto.int32Data.count == count else {
                throw mismatch(subject, type, shape, "\(count) bytes", "\(proto.int32Data.count)")
            }
            return proto.int32Data.map { UInt8(truncatingIfNeeded: $0) }.withUnsafeBytes {
                Tensor(copying: $0, shape: shape, type)
            }
        }
        switch type {
        case .float32: return try whole(proto.floatData)
        case .float64: return try whole(proto.doubleData)
        case .int64: return try whole(proto.int64Data)
        case .uint64: return try whole(proto.uint64Data)
        case .uint32: return try narrowed(proto.uint64Data, UInt32.self)
        case .int32: return try whole(proto.int32Data)
        case .int16: return try narrowed(proto.int32Data, Int16.self)
        case .uint16: return try narrowed(proto.int32Data, UInt16.self)
        case .int8: return try narrowed(proto.int32Data, Int8.self)
        case .uint8: return try narrowed(proto.int32Data, UInt8.self)
        case .float16: return try whole(proto.int32Data.map { Float16(bitPattern: UInt16(truncatingIfNeeded: $0)) })
        case .bfloat16: return try whole(proto.int32Data.map { BFloat16(bitPattern: UInt16(truncatingIfNeeded: $0)) })
        case .bool: return try whole(proto.int32Data.map { $0 != 0 })
        case .float8E4M3FN, .float8E5M2, .float8E8M0, .uint4, .int4, .uint2, .int2, .float4E2M1: return try bytes()
        }
    }

    private static func mismatch(
        _ subject: String, _ type: ElementType, _ shape: Shape, _ wanted: String, _ found: String
    ) -> WinnowError {
        WinnowError(.model, subject, "\(type)[\(shape)] takes \(wanted), but the file has \(found)")
    }
}

extension Onnx_TensorProto {
    /// Whether it holds elements, in the file itself, that no tensor here holds.
    var isForeign: Bool { ElementType.foreignNames[Int(dataType)] != nil && dataLocation != .external }

    /// The type of a tensor with such elements.
    static func foreignType(_ dataType: Int32, _ dims: [Int64], of subject: String) throws -> ValueType {
        var type = Onnx_TypeProto()
        type.tensorType.elemType = dataType
        type.tensorType.shape.dim = dims.map { extent in Onnx_TensorShapeProto.Dimension.with { $0.dimValue = extent } }
        return try ValueType(type, of: subject)
    }

    /// The tensor with its bytes inside, unless they are written apart, or where `external` takes it.
    init(_ tensor: Tensor, name: String = "", external: ExternalDataWriter? = nil, withElements: Bool = true) {
        self.init()
        dims = tensor.shape.map { Int64($0) }
        dataType = Int32(tensor.elementType.rawValue)
        if !name.isEmpty { self.name = name }
        if let entries = external?.place(tensor) {
            dataLocation = .external
            externalData = entries.map { Onnx_StringStringEntryProto(key: $0.key, value: $0.value) }
        } else if withElements {
            rawData = tensor.withUnsafeBytes { Data($0) }
        }
    }
}

extension Onnx_StringStringEntryProto {
    init(key: String, value: String) {
        self.init()
        self.key = key
        self.value = value
    }
}
