import Foundation
import Testing
import WinnowGraph
import WinnowTensor

import WinnowFormats

/// Files made by other writers; see `Fixtures/make_fixtures.py`.
enum Fixture {
    static func path(_ name: String) -> String { "\(Bundle.module.resourcePath ?? ".")/Fixtures/\(name)" }

    static func bytes(_ name: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(fileURLWithPath: path(name)))) }

    static func graph(_ name: String) throws -> Graph { try ONNXFile.read(path(name), registry: OperatorRegistry([])) }

    /// 3×4 values of NumPy's `default_rng(1).standard_normal`, as the fixtures hold them.
    static func weights() throws -> Tensor { try #require(graph("inputs-opset9.onnx").initializers["w"]) }
}

/// A folder that is gone after the test.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

/// Writes a file without waiting for the disk, as Foundation does; file systems wait too where an old one is cut.
func write(_ bytes: some Collection<UInt8>, to path: String) throws {
    let bytes = Array(bytes)
    unlink(path)
    let file = try #require(fopen(path, "wb"))
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    fclose(file)
}

/// The error's sentence; fails the test if nothing is thrown.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        Issue.record("nothing was thrown")
        return ""
    } catch { return "\(error)" }
}

extension Graph {
    /// Everything that a file keeps: text, weights in order, metadata, bodies.
    var everything: String {
        var lines = [text, "\(metadata.properties.sorted { $0.key < $1.key })", metadata.documentation, metadata.producerName]
        lines += ["\(metadata.opsets.sorted { $0.key < $1.key })", metadata.producerVersion, metadata.domain]
        lines += ["\(metadata.modelVersion)", "\(captures.sorted { $0.key < $1.key })"]
        lines += initializerNames.map { "\($0) \(initializers[$0].map(\.bytes) ?? [])" }
        for node in nodes {
            for name in node.op.attributes.names {
                if case .graph(let body) = node.op.attributes[name] { lines.append(body.everything) }
                if case .tensor(let tensor) = node.op.attributes[name] { lines.append("\(name) \(tensor.bytes)") }
            }
        }
        return lines.joined(separator: "\n")
    }
}

extension Tensor {
    var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
}
