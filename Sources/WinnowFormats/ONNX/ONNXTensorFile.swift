import SwiftProtobuf
package import WinnowTensor

/// One tensor in a file of its own (`TensorProto`), as ONNX's test cases keep their inputs and outputs.
package enum ONNXTensorFile {
    /// The tensor and its name, which may be empty.
    package static func read(_ path: String) throws -> (name: String, tensor: Tensor) {
        let file = try MappedFile(path)
        let proto: Onnx_TensorProto
        do { proto = try file.withUnsafeBytes { try Onnx_TensorProto(serializedBytes: $0.bytes) } } catch {
            throw WinnowError(.file, path, "is not an ONNX tensor, or is cut short", remedy: "copy it again")
        }
        let external = ExternalDataReader(folder: FilePath.folder(of: path))
        return (proto.name, try Tensor(proto, subject: path, external: external))
    }
}
