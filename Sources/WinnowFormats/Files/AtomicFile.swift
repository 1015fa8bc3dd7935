import WinnowTensor

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Writes files that are either complete or not there: into a temporary file beside the target, flushed, then renamed.
package enum AtomicFile {
    /// Writes what `body` puts into the sink; whatever is thrown leaves the old file as it was.
    package static func write<Result>(to path: String, _ body: (FileSink) throws -> Result) throws -> Result {
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists, status.st_mode & S_IFMT == S_IFDIR { throw WinnowError(.file, path, "is a folder, not a file") }
        if exists, status.st_mode & S_IFMT != S_IFREG { return try writeInPlace(path, body) }
        let target = exists ? resolved(path) : path
        let temporary = "\(target).\(getpid()).tmp"
        do {
            let result = try fill(temporary, flags: O_CREAT | O_TRUNC, named: path, body)
            guard rename(temporary, target) == 0 else { throw WinnowError.file(path, "cannot be written", errno) }
            flushFolder(of: target)
            removeLeftovers(of: target)
            return result
        } catch {
            unlink(temporary)
            throw error
        }
    }

    package static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { sink in try bytes.withUnsafeBytes { try sink.write($0) } }
    }

    package static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    /// Pipes and devices (`/dev/stdout`) cannot be replaced.
    private static func writeInPlace<Result>(_ path: String, _ body: (FileSink) throws -> Result) throws -> Result {
        try fill(path, flags: 0, named: path, body)
    }

    /// Writes the file at `location`; errors speak of the `path` that was asked for.
    private static func fill<Result>(
        _ location: String, flags: Int32, named path: String, _ body: (FileSink) throws -> Result
    ) throws -> Result {
        let descriptor = open(location, O_WRONLY | O_CLOEXEC | flags, 0o666)
        guard descriptor >= 0 else { throw WinnowError.file(path, "cannot be written", errno) }
        defer { close(descriptor) }
        let sink = FileSink(descriptor, path: path)
        let result = try body(sink)
        try sink.flush()
        // Devices cannot be flushed; a full disk is noticed here at the latest.
        if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS, errno != ENOTSUP {
            throw WinnowError.file(path, "cannot be written", errno)
        }
        return result
    }

    /// The file a symbolic link stands for.
    private static func resolved(_ path: String) -> String {
        guard let result = realpath(path, nil) else { return path }
        defer { free(result) }
        return String(cString: result)
    }

    /// Removes the temporary files of processes that were killed while they wrote `path`.
    private static func removeLeftovers(of path: String) {
        guard let folder = opendir(FilePath.folder(of: path)) else { return }
        defer { closedir(folder) }
        let start = FilePath.name(of: path) + "."
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX)) { String(cString: $0) }
            }
            guard name.hasPrefix(start), name.hasSuffix(".tmp"), let process = pid_t(name.dropFirst(start.count).dropLast(4))
            else { continue }
            if process != getpid(), kill(process, 0) != 0, errno == ESRCH { unlink(FilePath.folder(of: path) + "/" + name) }
        }
    }

    /// Makes the rename itself survive a power cut, where the file system can.
    private static func flushFolder(of path: String) {
        let descriptor = open(FilePath.folder(of: path), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}

/// Where an `AtomicFile`'s bytes go; buffered.
package final class FileSink {
    private let descriptor: Int32
    private let path: String
    private var buffer: [UInt8] = []
    /// The bytes written so far.
    package private(set) var position = 0

    fileprivate init(_ descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
        buffer.reserveCapacity(Self.capacity)
    }

    private static let capacity = 1 << 16

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        position += bytes.count
        guard buffer.count + bytes.count > Self.capacity else { return buffer.append(contentsOf: bytes) }
        try flush()
        if bytes.count < Self.capacity { buffer.append(contentsOf: bytes) } else { try send(bytes) }
    }

    package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// Writes zeros up to the next multiple of `alignment`.
    package func pad(to alignment: Int) throws {
        try write([UInt8](repeating: 0, count: (alignment - position % alignment) % alignment))
    }

    fileprivate func flush() throws {
        try buffer.withUnsafeBytes { try send($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            #if canImport(Glibc)
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            #else
            let count = Darwin.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            #endif
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw WinnowError.file(path, "cannot be written", errno) }
            rest = rest.dropFirst(count)
        }
    }
}

/// Paths as text.
enum FilePath {
    /// The folder a path lies in; `.` for a bare name.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
