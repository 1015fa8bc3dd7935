import Synchronization
import WinnowTensor

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Writes files that are either complete or not there: into a temporary file beside the target, flushed, then renamed.
package enum AtomicFile {
    /// Writes what `body` puts into the sink; whatever is thrown leaves the old file as it was. A link stays one: the file it
    /// stands for is written.
    package static func write<Result>(to path: String, _ body: (FileSink) throws -> Result) throws -> Result {
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists, status.st_mode & S_IFMT == S_IFDIR { throw WinnowError(.file, path, "is a folder, not a file") }
        if exists, status.st_mode & S_IFMT != S_IFREG { return try writeInPlace(path, body) }
        let target = try exists ? FilePath.resolved(path) ?? path : FilePath.target(of: path)
        let file = try TemporaryFile(beside: target, for: path)
        defer { file.close() }
        let result = try fill(file.descriptor, named: path, body)
        if exists { fchmod(file.descriptor, status.st_mode & 0o7777) }
        try file.rename(to: target, for: path)
        flushFolder(of: target)
        return result
    }

    /// Whether a file is being written.
    package static var isWriting: Bool { TemporaryFile.unfinished.withLock { $0.count > 0 } }

    /// Removes what is being written, lets no other file appear, and calls `end`, which ends the program.
    package static func abandon(_ end: () -> Never) -> Never {
        TemporaryFile.unfinished.withLock { unfinished in
            for path in unfinished.paths { unlink(path) }
            end()
        }
    }

    package static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { sink in try bytes.withUnsafeBytes { try sink.write($0) } }
    }

    package static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    /// Pipes and devices (`/dev/stdout`) cannot be replaced.
    private static func writeInPlace<Result>(_ path: String, _ body: (FileSink) throws -> Result) throws -> Result {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw WinnowError.file(path, "cannot be written", errno) }
        defer { close(descriptor) }
        return try fill(descriptor, named: path, body)
    }

    /// Writes the open file; errors speak of the `path` that was asked for.
    private static func fill<Result>(
        _ descriptor: Int32, named path: String, _ body: (FileSink) throws -> Result
    ) throws -> Result {
        let sink = FileSink(descriptor, path: path)
        let result = try body(sink)
        try sink.flush()
        // Devices cannot be flushed; a full disk is noticed here at the latest.
        if fsync(descriptor) != 0, errno != EINVAL, errno != EROFS, errno != ENOTSUP {
            throw WinnowError.file(path, "cannot be written", errno)
        }
        return result
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
