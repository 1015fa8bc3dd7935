import Foundation
package import WinnowGraph
import WinnowFormats
import WinnowTensor

/// What laws write, kept for other runtimes to check: `Interop/test_written.py` reads the folder that `WINNOW_WRITTEN` names.
package enum WrittenModels {
    private static let folder = ProcessInfo.processInfo.environment["WINNOW_WRITTEN"]
    private static let lock = NSLock()

    /// Appends the model to the file of its kind: the lengths of name and bytes, then those.
    package static func keep(_ graph: Graph, _ kind: String, _ name: String) throws {
        let bytes = try ONNXFile.bytes(graph)
        guard let folder else { return }
        var record = Data()
        for count in [name.utf8.count, bytes.count] { withUnsafeBytes(of: UInt64(count).littleEndian) { record.append(contentsOf: $0) } }
        record.append(contentsOf: name.utf8)
        record.append(contentsOf: bytes)
        try lock.withLock {
            let path = "\(folder)/\(kind).models"
            if !FileManager.default.fileExists(atPath: path) { _ = FileManager.default.createFile(atPath: path, contents: nil) }
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            defer { try? file.close() }
            try file.seekToEnd()
            try file.write(contentsOf: record)
        }
    }
}
