import SwiftProtobuf
import WinnowGraph
import WinnowTensor

extension ValueType {
    /// The type of a tensor value; throws where the value is something else.
    init(_ proto: Onnx_TypeProto, of subject: String) throws {
        switch proto.value {
        case .tensorType(let tensor):
            let type = try ElementType(onnx: tensor.elemType, of: subject)
            let extents = try tensor.hasShape ? tensor.shape.dim.map { try Extent($0, of: subject) } : nil
            _ = try Shape(checking: (extents ?? []).compactMap(\.value), of: subject, .model)
            self.init(type, extents)
        case .sequenceType: throw WinnowError(.unsupported, subject, "is a sequence; only tensors are supported")
        case .optionalType: throw WinnowError(.unsupported, subject, "is an optional; only tensors are supported")
        case .mapType: throw WinnowError(.unsupported, subject, "is a map; only tensors are supported")
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
        guard let type else { return }
        self.type.tensorType.elemType = Int32(type.elementType.rawValue)
        guard let extents = type.extents else { return }
        self.type.tensorType.shape = Onnx_TensorShapeProto.with { shape in
            shape.dim = extents.map { extent in
                Onnx_TensorShapeProto.Dimension.with { dimension in
                    switch extent {
                    case .fixed(let value): dimension.dimValue = Int64(value)
                    case .symbol(let name): dimension.dimParam = name
                    case .unknown: break
                    }
                }
            }
        }
    }
}
