import SwiftProtobuf
package import WinnowGraph
package import WinnowTensor

/// One value in a file of its own, as ONNX's test cases keep their inputs and outputs.
package enum ONNXTensorFile {
    /// A tensor (`TensorProto`) and its name, which may be empty.
    package static func read(_ path: String) throws -> (name: String, tensor: Tensor) {
        let file = try MappedFile(path)
        return try located(path) { try file.withUnsafeBytes { try tensor($0, path) } }
    }

    /// A value of a declared type: a tensor, a list (`SequenceProto`), or an optional of either (`OptionalProto`).
    package static func read(_ path: String, as type: ValueType) throws -> Datum {
        let file = try MappedFile(path)
        return try located(path) {
            try file.withUnsafeBytes { bytes in
                if type.isOptional { return try optional(bytes, path) }
                return type.isList ? .list(try list(bytes, path)) : .tensor(try tensor(bytes, path).tensor)
            }
        }
    }

    private static func tensor(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> (name: String, tensor: Tensor) {
        let proto = try Onnx_TensorProto(serializedBytes: bytes.bytes)
        let external = ExternalDataReader(folder: ExternalDataFolder(of: path))
        return (proto.name, try Tensor(proto, subject: path, external: external))
    }

    /// Field 3 of a `SequenceProto` is its tensors.
    private static func list(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> [Tensor] {
        try MessageFields(bytes).bytes(of: 3).map { try tensor($0, path).tensor }
    }

    /// Field 3 of an `OptionalProto` is its tensor, field 5 its list.
    private static func optional(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> Datum {
        let fields = try MessageFields(bytes)
        if let contents = fields.bytes(of: 3).first { return .tensor(try tensor(contents, path).tensor) }
        return try fields.bytes(of: 5).first.map { .list(try list($0, path)) } ?? .nothing
    }

    private static func located<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as WinnowError { throw error } catch {
            throw WinnowError(.file, path, "is not an ONNX tensor, or is cut short", remedy: "copy it again")
        }
    }
}

/// The fields of an encoded message that are bytes themselves, by number.
private struct MessageFields {
    private struct Malformed: Error {}

    private var fields: [(number: UInt64, bytes: UnsafeRawBufferPointer)] = []

    init(_ message: UnsafeRawBufferPointer) throws {
        var rest = message[...]
        while !rest.isEmpty {
            let key = try Self.varint(&rest)
            let count: UInt64
            switch key & 7 {
            case 0: _ = try Self.varint(&rest); continue
            case 1: count = 8
            case 2: count = try Self.varint(&rest)
            case 5: count = 4
            default: throw Malformed()
            }
            guard count <= UInt64(rest.count) else { throw Malformed() }
            if key & 7 == 2 { fields.append((key >> 3, UnsafeRawBufferPointer(rebasing: rest.prefix(Int(count))))) }
            rest = rest.dropFirst(Int(count))
        }
    }

    func bytes(of number: UInt64) -> [UnsafeRawBufferPointer] { fields.filter { $0.number == number }.map(\.bytes) }

    private static func varint(_ rest: inout Slice<UnsafeRawBufferPointer>) throws -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw Malformed() }
            result |= UInt64(byte & 127) << shift
            if byte < 128 { return result }
        }
        throw Malformed()
    }
}
