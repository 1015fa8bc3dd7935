import Foundation
import WinnowFormats
import WinnowTensor

/// The files a command reads and writes, checked before any work: no output takes the place of another, or of what is read.
public struct FileRoles {
    private var taken: [FilePlace: String] = [:]

    /// - Parameter inputs: files and folders that stay as they are.
    public init(reading inputs: [String] = []) {
        for path in inputs { taken[FilePlace(path)] = "is read by this command" }
    }

    /// A model that is read: its file, and those with its external data.
    public mutating func reads(model path: String) {
        for file in (try? ONNXFile.files(of: path)) ?? [path] { taken[FilePlace(file)] = "is read by this command" }
    }

    /// A file to be written for `option`. Throws `.usage` if it is one of those before; only the model that is read may be
    /// replaced by the one that is written, which happens at once or not at all, and only if that is asked for by name.
    public mutating func writes(_ path: String, for option: String, replacing model: String? = nil) throws {
        let place = FilePlace(path)
        if let use = taken[place], model.map(FilePlace.init) != place {
            throw WinnowError(.usage, option, "\(path) \(use)", remedy: "give another name")
        }
        taken[place] = "is what \(option) writes"
    }
}

/// What a path stands for, however it is spelled.
private enum FilePlace: Hashable {
    case file(device: UInt64, number: UInt64)
    case path(String)

    init(_ path: String) {
        var status = stat()
        if stat(path, &status) == 0 {
            self = .file(device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(truncatingIfNeeded: status.st_ino))
        } else {
            let url = URL(fileURLWithPath: path)
            let folder = url.deletingLastPathComponent().resolvingSymlinksInPath()
            self = .path(folder.appendingPathComponent(url.lastPathComponent).standardizedFileURL.path)
        }
    }
}
