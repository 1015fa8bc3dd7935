import SwiftProtobuf
import WinnowGraph
import WinnowTensor

extension ValueType {
    /// The type of a tensor, a list of tensors or an optional of either; of other values the file's word.
    init(_ proto: Onnx_TypeProto, of subject: String) throws {
        func foreign(_ description: String) throws -> ValueType {
            do { return ValueType(ForeignType(description, encoded: try proto.serializedBytes())) } catch {
                throw WinnowError(.model, subject, "has a type that cannot be kept: \(error)")
            }
        }
        switch proto.value {
        case .tensorType(let tensor) where ElementType.foreignNames[Int(tensor.elemType)] != nil:
            let extents = try tensor.hasShape ? tensor.shape.dim.map { try Extent($0, of: subject).description }.joined(separator: ", ") : "…"
            self = try foreign("\(ElementType.foreignNames[Int(tensor.elemType)] ?? "")[\(extents)]")
        case .tensorType(let tensor):
            let type = try ElementType(onnx: tensor.elemType, of: subject)
            let extents = try tensor.hasShape ? tensor.shape.dim.map { try Extent($0, of: subject) } : nil
            _ = try Shape(checking: (extents ?? []).compactMap(\.value), of: subject, .model)
            self.init(type, extents)
        case .sequenceType(let sequence):
            try self.init(sequence.elemType, of: subject)
            if isTensor { isList = true } else { self = try foreign("list of \(self)") }
        case .optionalType(let optional):
            try self.init(optional.elemType, of: subject)
            if isOptional || self.foreign != nil { self = try foreign("optional \(self)") } else { isOptional = true }
        case .mapType(let map):
            let key = ElementType.foreignNames[Int(map.keyType)] ?? ElementType(rawValue: Int(map.keyType))?.description ?? "?"
            self = try foreign("map of \(key) to \(ValueType(map.valueType, of: subject))")
        case .sparseTensorType: self = try foreign("sparse tensor")
        case .opaqueType: self = try foreign("opaque value")
        case nil: throw WinnowError(.model, subject, "has no type")
        }
    }
}

extension Extent {
    fileprivate init(_ proto: Onnx_TensorShapeProto.Dimension, of subject: String) throws {
        switch proto.value {
        // Some exporters write −1 for an extent that varies.
        case .dimValue(-1): self = .unknown
        case .dimValue(let value) where value < 0:
            throw WinnowError(.model, subject, "has the negative extent \(value)", remedy: "give the axis a name instead")
        case .dimValue(let value): self = .fixed(Int(value))
        case .dimParam(let name) where !name.isEmpty: self = .symbol(name)
        case .dimParam, nil: self = .unknown
        }
    }
}

extension Onnx_ValueInfoProto {
    init(name: String, type: ValueType?) throws {
        self.init()
        self.name = name
        if let type { self.type = try Onnx_TypeProto(type) }
    }
}

extension Onnx_TypeProto {
    init(_ type: ValueType) throws {
        self.init()
        if let foreign = type.foreign {
            try merge(serializedBytes: foreign.encoded)
            return
        }
        if type.isOptional || type.isList {
            var inner = type
            if type.isOptional {
                inner.isOptional = false
                optionalType.elemType = try Onnx_TypeProto(inner)
            } else {
                inner.isList = false
                sequenceType.elemType = try Onnx_TypeProto(inner)
            }
            return
        }
        tensorType.elemType = Int32(type.elementType.rawValue)
        guard let extents = type.extents else { return }
        tensorType.shape = Onnx_TensorShapeProto.with { shape in
            shape.dim = extents.map { extent in
                Onnx_TensorShapeProto.Dimension.with { dimension in
                    switch extent {
                    case .fixed(let value): dimension.dimValue = Int64(value)
                    case .symbol(let name) where !extent.isNameless: dimension.dimParam = name
                    case .symbol, .unknown: break
                    }
                }
            }
        }
    }
}
