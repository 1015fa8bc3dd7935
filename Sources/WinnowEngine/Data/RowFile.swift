package import WinnowTensor

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Rows of as many bytes each, written one after the other into a file that is mapped once they are complete. What is in the file when it is
/// opened again need not be made again.
package final class RowFile: Sendable {
    private let descriptor: Int32
    /// nil: the file is temporary.
    private let path: String?
    private let rowByteCount: Int

    /// - Parameter path: nil: a temporary file without a name, which goes with this.
    package init(_ path: String?, rowByteCount: Int) throws {
        self.rowByteCount = max(1, rowByteCount)
        self.path = path
        descriptor = path.map { open($0, O_CREAT | O_RDWR | O_CLOEXEC, 0o666) } ?? NamelessFile.opened()
        guard descriptor >= 0 else { throw failure() }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private func failure() -> WinnowError {
        let code = errno
        guard let path else { return NamelessFile.failure(code) }
        return WinnowError(.file, path, "cannot be written: \(String(cString: strerror(code)).lowercased())")
    }

    /// The rows that are complete.
    package var rowCount: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) / rowByteCount : 0
    }

    /// The bytes that would still find room.
    package var freeByteCount: Int {
        var status = statvfs()
        return fstatvfs(descriptor, &status) == 0 ? Int(clamping: status.f_bavail) * Int(clamping: status.f_frsize) : 0
    }

    /// Writes whole rows behind the first `row`.
    package func write(_ bytes: UnsafeRawBufferPointer, at row: Int) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let place = off_t(row * rowByteCount + bytes.count - rest.count)
            let count = pwrite(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, place)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure() }
            rest = rest.dropFirst(count)
        }
    }

    /// The first `count` rows as a tensor over the mapped file, (count, …).
    package func tensor(count: Int, _ sampleShape: Shape, _ elementType: ElementType) throws -> Tensor {
        guard count > 0, let storage = TensorStorage(mapping: descriptor, byteCount: count * rowByteCount) else { throw failure() }
        return Tensor(storage: storage, shape: Shape([count]) + sampleShape, elementType)
    }
}
