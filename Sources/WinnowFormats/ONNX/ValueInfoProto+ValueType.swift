import SwiftProtobuf
import WinnowGraph
import WinnowTensor

extension ValueType {
    /// The type of a tensor, a list of tensors or an optional of either; throws where the value is something else.
    init(_ proto: Onnx_TypeProto, of subject: String) throws {
        switch proto.value {
        case .tensorType(let tensor):
            let type = try ElementType(onnx: tensor.elemType, of: subject)
            let extents = try tensor.hasShape ? tensor.shape.dim.map { try Extent($0, of: subject) } : nil
            _ = try Shape(checking: (extents ?? []).compactMap(\.value), of: subject, .model)
            self.init(type, extents)
        case .sequenceType(let sequence):
            try self.init(sequence.elemType, of: subject)
            guard isTensor else { throw WinnowError(.unsupported, subject, "is a list of something else than tensors") }
            isList = true
        case .optionalType(let optional):
            try self.init(optional.elemType, of: subject)
            guard !isOptional else { throw WinnowError(.unsupported, subject, "is an optional of an optional") }
            isOptional = true
        case .mapType: throw WinnowError(.unsupported, subject, "is a map; only tensors and lists of them are supported", remedy: "of scikit-learn's classifiers skl2onnx writes tensors with options={'zipmap': False}")
        case .sparseTensorType: throw WinnowError(.unsupported, subject, "is a sparse tensor; only dense ones are supported")
        case .opaqueType: throw WinnowError(.unsupported, subject, "is opaque; only tensors are supported")
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
    init(name: String, type: ValueType?) {
        self.init()
        self.name = name
        if let type { self.type = Onnx_TypeProto(type) }
    }
}

extension Onnx_TypeProto {
    init(_ type: ValueType) {
        self.init()
        if type.isOptional || type.isList {
            var inner = type
            if type.isOptional {
                inner.isOptional = false
                optionalType.elemType = Onnx_TypeProto(inner)
            } else {
                inner.isList = false
                sequenceType.elemType = Onnx_TypeProto(inner)
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
