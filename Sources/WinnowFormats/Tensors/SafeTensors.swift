package import WinnowTensor

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Named tensors and text in one file: checkpoints, and weights to exchange.
package struct SafeTensors: Sendable {
    package var tensors: [String: Tensor]
    package var metadata: [String: String]

    package init(tensors: [String: Tensor], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    private static let elementTypes: [String: ElementType] = [
        "BOOL": .bool, "F4": .float4E2M1, "U8": .uint8, "I8": .int8, "F8_E5M2": .float8E5M2, "F8_E4M3": .float8E4M3FN,
        "F8_E8M0": .float8E8M0, "I16": .int16, "U16": .uint16, "F16": .float16, "BF16": .bfloat16, "I32": .int32,
        "U32": .uint32, "F32": .float32, "F64": .float64, "I64": .int64, "U64": .uint64,
    ]
    private static let headerByteLimit = 100_000_000
    private static let metadataKey = "__metadata__"
}

extension SafeTensors {
    /// Reads a file; the tensors are mapped, not copied, where they are aligned.
    package init(contentsOf path: String) throws {
        let file = try MappedFile(path)
        let header = try Self.header(of: file)
        metadata = header.metadata
        tensors = [:]
        for entry in header.entries {
            tensors[entry.name] = try file.tensor(at: header.byteCount + entry.begin, shape: entry.shape, entry.type)
        }
    }

    /// The arrays where they lie; nil where one has numbers below a byte.
    static func stored(_ path: String) throws -> [String: StoredArray]? {
        let header = try Self.header(of: MappedFile(path))
        guard header.entries.allSatisfy({ $0.type.bitWidth >= 8 }) else { return nil }
        let file = try ReadableFile(path)
        return Dictionary(
            header.entries.map { ($0.name, StoredArray(file, at: header.byteCount + $0.begin, shape: $0.shape, $0.type)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// What the head of a file says, which must fit the rest.
    private static func header(of file: MappedFile) throws -> (entries: [Entry], metadata: [String: String], byteCount: Int) {
        let path = file.path
        let header = try file.withUnsafeBytes { try Self.header($0, subject: path) }
        var end = 0
        for entry in header.entries {
            let subject = "\(path): \(entry.name)"
            guard entry.begin == end else {
                throw WinnowError(.file, subject, "does not begin where the tensor before it ends", remedy: "copy it again")
            }
            let count = entry.type.byteCount(of: entry.shape.elementCount)
            guard entry.end - entry.begin == count else {
                throw WinnowError(
                    .file, subject, "\(entry.type)[\(entry.shape)] takes \(count) bytes, but \(entry.end - entry.begin) are given")
            }
            end = entry.end
            guard end <= file.byteCount - header.byteCount else { throw short(path) }
        }
        guard end == file.byteCount - header.byteCount else {
            throw WinnowError(.file, path, "has bytes that belong to no tensor", remedy: "copy it again")
        }
        return header
    }

    private struct Entry {
        var name: String
        var type: ElementType
        var shape: Shape
        var begin: Int
        var end: Int
    }

    private static func short(_ path: String) -> WinnowError {
        WinnowError(.file, path, "is cut short", remedy: "copy it again")
    }

    /// The entries in the order of their bytes, and how many bytes come before the first.
    private static func header(_ bytes: UnsafeRawBufferPointer, subject: String) throws -> (
        entries: [Entry], metadata: [String: String], byteCount: Int
    ) {
        var reader = ByteReader(bytes, subject: subject)
        let length = try reader.little(UInt64.self)
        guard length <= headerByteLimit else { throw WinnowError(.file, subject, "is not a safetensors file") }
        let text = try reader.slice(Int(length))
        guard text.first == UInt8(ascii: "{") else { throw WinnowError(.file, subject, "is not a safetensors file") }
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        for (name, value) in try JSONHeader.decode(text, subject: subject) {
            switch value {
            case .text(let text): metadata = text
            case .tensor(let info): entries.append(try entry(name, info, "\(subject): \(name)"))
            }
        }
        entries.sort { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
        return (entries, metadata, reader.position)
    }

    private static func entry(_ name: String, _ info: TensorInfo, _ subject: String) throws -> Entry {
        guard let type = elementTypes[info.dtype] else {
            throw WinnowError(.unsupported, subject, "has type \(info.dtype.prefix(20)), which is not supported")
        }
        guard info.data_offsets.count == 2, info.data_offsets[0] >= 0, info.data_offsets[1] >= info.data_offsets[0] else {
            throw WinnowError(.file, subject, "has damaged offsets", remedy: "copy it again")
        }
        let shape = try Shape(checking: info.shape, of: subject)
        return Entry(name: name, type: type, shape: shape, begin: info.data_offsets[0], end: info.data_offsets[1])
    }
}

extension SafeTensors {
    /// Writes a file; equal tensors and metadata give equal bytes.
    package func write(to path: String) throws {
        var header: [String: HeaderValue] = metadata.isEmpty ? [:] : [Self.metadataKey: .text(metadata)]
        // Wide elements first, so that all of them are aligned.
        let order = tensors.sorted { a, b in
            (b.value.elementType.bitWidth, a.key) < (a.value.elementType.bitWidth, b.key)
        }
        var position = 0
        for (name, tensor) in order {
            guard let dtype = Self.elementTypes.first(where: { $0.value == tensor.elementType })?.key else {
                throw WinnowError(.unsupported, "\(path): \(name)", "safetensors has no element type \(tensor.elementType)")
            }
            guard name != Self.metadataKey else { throw WinnowError(.unsupported, path, "no tensor may be called \(name)") }
            let end = position + tensor.byteCount
            header[name] = .tensor(TensorInfo(dtype: dtype, shape: tensor.shape.extents, data_offsets: [position, end]))
            position = end
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = try Array(encoder.encode(header))
        // The tensors then begin on a boundary that lets readers map them.
        let unpadded = 8 + text.count
        let alignment = TensorStorage.alignment
        text += [UInt8](repeating: UInt8(ascii: " "), count: (alignment - unpadded % alignment) % alignment)
        try AtomicFile.write(to: path) { sink in
            var length: [UInt8] = []
            length.append(little: UInt64(text.count))
            try sink.write(length + text)
            for (_, tensor) in order { try tensor.withUnsafeBytes { try sink.write($0) } }
        }
    }
}

/// A tensor's line in the header, in the format's own words.
private struct TensorInfo: Codable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
}

/// A value of the header: a tensor, or the metadata.
private enum HeaderValue: Codable {
    case tensor(TensorInfo)
    case text([String: String])

    init(from decoder: any Decoder) throws {
        if decoder.codingPath.last?.stringValue == "__metadata__" {
            self = .text(try [String: String](from: decoder))
        } else {
            self = .tensor(try TensorInfo(from: decoder))
        }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .tensor(let info): try info.encode(to: encoder)
        case .text(let text): try text.encode(to: encoder)
        }
    }
}

private enum JSONHeader {
    static func decode(_ text: UnsafeRawBufferPointer, subject: String) throws -> [String: HeaderValue] {
        do { return try JSONDecoder().decode([String: HeaderValue].self, from: Data(text)) } catch {
            throw WinnowError(.file, subject, "has a damaged safetensors header", remedy: "copy it again")
        }
    }
}
