import SwiftProtobuf
import WinnowTensor

extension Tensor {
    /// A tensor whose file lists only the elements that are not zero, with all of them.
    init(_ proto: Onnx_SparseTensorProto, subject: String, external: ExternalDataReader) throws {
        let values = try Tensor(proto.values, subject: subject, external: external)
        let indices = try Tensor(proto.indices, subject: subject, external: external)
        let shape = try Shape(checking: proto.dims, of: subject, .model)
        let type = values.elementType
        guard type.bitWidth >= 8 else { throw WinnowError(.unsupported, subject, "is a sparse tensor of \(type)") }
        guard type.byteCount(of: shape.elementCount) <= Self.denseByteLimit else {
            throw WinnowError(.unsupported, subject, "is a sparse tensor of \(shape), too large to be made dense")
        }
        let places = try Self.places(indices, count: values.elementCount, in: shape, subject)
        self.init(zeros: shape, type)
        let width = type.bitWidth / 8
        values.withUnsafeBytes { source in
            withUnsafeMutableBytes { target in
                for (index, place) in places.enumerated() {
                    target[(place * width)..<((place + 1) * width)].copyBytes(from: source[(index * width)..<((index + 1) * width)])
                }
            }
        }
    }

    private static let denseByteLimit = 1 << 31

    /// Where the listed elements lie: indices are places, or one index for each axis.
    private static func places(_ indices: Tensor, count: Int, in shape: Shape, _ subject: String) throws -> [Int] {
        let isFlat = indices.rank == 1
        guard indices.elementType == .int64, indices.rank <= 2, indices.elementCount == count * (isFlat ? 1 : shape.rank) else {
            throw WinnowError(.model, subject, "has \(indices.elementType)[\(indices.shape)] indices for \(count) elements of \(shape)")
        }
        let numbers = indices.integers()
        let outside = WinnowError(.model, subject, "has an index outside \(shape)")
        if isFlat {
            guard numbers.allSatisfy({ (0..<shape.elementCount).contains($0) }) else { throw outside }
            return numbers
        }
        return try (0..<count).map { element in
            try shape.indices.reduce(0) { place, axis in
                let index = numbers[element * shape.rank + axis]
                guard (0..<shape[axis]).contains(index) else { throw outside }
                return place * shape[axis] + index
            }
        }
    }
}
