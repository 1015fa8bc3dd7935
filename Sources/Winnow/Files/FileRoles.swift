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
    /// replaced by the one that is written, which happens at once or not at all, and only if that is asked for by name. Nor may a folder be in
    /// its place, or the folder that it is to lie in be missing, or be one that nobody may write to.
    ///
    /// - Parameter makesFolder: whether a folder that is missing is made by who writes.
    public mutating func writes(_ path: String, for option: String, replacing model: String? = nil, makesFolder: Bool = false) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            throw WinnowError(.usage, option, "\(path) is a folder, not a file", remedy: "give another name")
        }
        try take(path, for: option, replacing: model)
        try checkFolder(of: path, for: option, mayBeMissing: makesFolder)
    }

    /// A folder whose files are written for `option`. Throws as for a file.
    public mutating func writes(folder path: String, for option: String) throws {
        try checkFolder(of: path, for: option, mayBeMissing: true)
        try take(path, for: option)
    }

    private mutating func take(_ path: String, for option: String, replacing model: String? = nil) throws {
        let place = FilePlace(path)
        if let use = taken[place], model.map(FilePlace.init) != place {
            throw WinnowError(.usage, option, "\(path) \(use)", remedy: "give another name")
        }
        taken[place] = "is what \(option) writes"
    }

    private func checkFolder(of path: String, for option: String, mayBeMissing: Bool) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard access(folder, F_OK) == 0 else {
            if mayBeMissing { return }
            throw WinnowError(.usage, option, "there is no folder \(folder)", remedy: "make it")
        }
        guard access(folder, W_OK) != 0 else { return }
        throw WinnowError(.usage, option, "\(folder) may not be written to", remedy: "give another folder")
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
