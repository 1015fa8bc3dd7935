import Foundation
import SwiftProtobuf
package import WinnowGraph
import WinnowTensor

/// Where a written model's weights go.
package enum ExternalDataPolicy: Sendable, Hashable {
    /// Into the model file, unless that would pass the 2 GB a protobuf message may have.
    case automatic
    case embedded
    /// Tensors of at least this many bytes go into `<model file>.data` beside the model.
    case external(minimumByteCount: Int = 1024)
}

/// ONNX models: files and bytes to graphs and back.
package enum ONNXFile {
    /// Reads a model and the external data it refers to. Weights in external files are mapped, not copied.
    package static func read(_ path: String, registry: OperatorRegistry, links: LinkPolicy = .insideFolder) throws -> Graph {
        let file = try MappedFile(path)
        return try located(path) {
            try file.withUnsafeBytes {
                try graph($0, registry: registry, folder: ExternalDataFolder(of: path, links: links), mapping: file.storage)
            }
        }
    }

    /// Reads a model that is in memory; `folder` is where its external data lies.
    package static func read(bytes: [UInt8], registry: OperatorRegistry, folder: ExternalDataFolder? = nil) throws -> Graph {
        try bytes.withUnsafeBytes { try graph($0, registry: registry, folder: folder) }
    }

    /// Writes a model; equal graphs give equal bytes. A reader sees the old file or the new one, never a part.
    package static func write(_ graph: Graph, to path: String, externalData: ExternalDataPolicy = .automatic) throws {
        let minimum = externalData.minimumByteCount(for: graph)
        let external = minimum.map { ExternalDataWriter(name: externalName(for: path), minimumByteCount: $0) }
        let encoder = try located(path) {
            let encoder = try ONNXWriter(external: external).encoder(graph)
            guard encoder.byteCount < byteLimit else {
                throw WinnowError(
                    .model, "", "would take \(encoder.byteCount) bytes, but an ONNX file may have 2 GB",
                    remedy: "write its weights as external data")
            }
            return encoder
        }
        if let external, !external.tensors.isEmpty { try external.write(beside: path) }
        try AtomicFile.write(to: path) { sink in try encoder.encode { try sink.write($0) } }
    }

    /// The bytes of the file that a model would be written as, weights that would lie beside it counted in.
    package static func byteCount(of graph: Graph) throws -> Int { try ONNXWriter(external: nil).encoder(graph).byteCount }

    /// The name of the file for a model's external data: `<model file>.data`, or numbered where that is another's.
    private static func externalName(for path: String) -> String {
        let own = (try? files(of: path)) ?? []
        var (candidate, number) = (FilePath.companion(of: path, suffix: ".data"), 1)
        while FilePath.exists(candidate), !own.contains(where: { FilePath.name(of: $0) == FilePath.name(of: candidate) }) {
            candidate = FilePath.companion(of: path, suffix: "-\(number).data")
            number += 1
        }
        return FilePath.name(of: candidate)
    }

    /// What protobuf allows a message.
    private static let byteLimit = 1 << 31

    /// Hands the bytes of a model with all weights embedded over piece by piece.
    package static func encode(_ graph: Graph, to put: (UnsafeRawBufferPointer) throws -> Void) throws {
        try ONNXWriter(external: nil).encoder(graph).encode(to: put)
    }

    /// The bytes of a model with all weights embedded.
    package static func bytes(_ graph: Graph) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try encode(graph) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// The files a model consists of: its own and those with its external data.
    package static func files(of path: String) throws -> [String] {
        let file = try MappedFile(path)
        let locations = try located(path) { try file.withUnsafeBytes { try externalLocations($0) } }
        let folder = ExternalDataFolder(of: path, links: .everywhere)
        return try [path] + locations.sorted().map { try folder.path(of: $0, subject: path) }
    }

    /// The bytes that a model takes zipped, external data included: headers of the archive and deflated contents, not the files' names, which
    /// a zip holds twice.
    package static func zippedByteCount(of path: String) throws -> Int {
        try Zip.byteCount(ofFiles: path.hasSuffix(".onnx") ? files(of: path) : [path])
    }

    /// The names of the files in which tensors lie. Without the entry `location`, as every external tensor has it, nothing need be decoded.
    private static func externalLocations(_ bytes: UnsafeRawBufferPointer) throws -> Set<String> {
        let outline = ModelOutline(of: bytes)
        let entry = Array("\u{8}location".utf8)
        let isMentioned = (outline?.bytes).map { $0.withUnsafeBytes { $0.contains(entry) } } ?? bytes.contains(entry)
        return isMentioned ? try decoded(bytes, outline).graph.externalLocations : []
    }

    private static func decoded(_ bytes: UnsafeRawBufferPointer, _ outline: ModelOutline?) throws -> Onnx_ModelProto {
        let model: Onnx_ModelProto
        do {
            model = try outline.map { try Onnx_ModelProto(serializedBytes: $0.bytes) } ?? Onnx_ModelProto(serializedBytes: bytes.bytes)
        } catch {
            throw WinnowError(.model, "", "is not an ONNX model, or is cut short", remedy: "export or copy it again")
        }
        guard model.hasGraph else {
            throw WinnowError(.model, "", "is not an ONNX model: it holds no graph", remedy: "export or copy it again")
        }
        return model
    }

    private static func graph(
        _ bytes: UnsafeRawBufferPointer, registry: OperatorRegistry, folder: ExternalDataFolder?, mapping: TensorStorage? = nil
    ) throws -> Graph {
        let model = try decoded(bytes, ModelOutline(of: bytes))
        let external = ExternalDataReader(folder: folder, inside: bytes, mapping: mapping)
        return try ONNXReader(model, registry: registry, external: external).graph()
    }

    private static func located<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as WinnowError {
            throw error.kind == .file ? error : error.within(path)
        }
    }
}

extension ExternalDataPolicy {
    /// Room below protobuf's limit for everything that is not a weight.
    private static let embeddedByteLimit = 1_900_000_000

    /// From how many bytes tensors go outside; nil: none does.
    fileprivate func minimumByteCount(for graph: Graph) -> Int? {
        switch self {
        case .embedded: nil
        case .external(let minimum): max(1, minimum)
        case .automatic:
            graph.initializers.values.reduce(0, { $0 + $1.byteCount }) > Self.embeddedByteLimit ? 1024 : nil
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func contains(_ word: [UInt8]) -> Bool {
        guard let base = baseAddress, let first = word.first else { return word.isEmpty }
        var place = 0
        while count - place >= word.count, let found = memchr(base + place, Int32(first), count - place - word.count + 1) {
            if memcmp(found, word, word.count) == 0 { return true }
            place = UnsafeRawPointer(found) - base + 1
        }
        return false
    }
}
