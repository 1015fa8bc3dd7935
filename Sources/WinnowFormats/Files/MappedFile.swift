package import WinnowTensor

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The bytes of a file, mapped into memory: pages are read when touched, and writes to them stay private.
package struct MappedFile: Sendable {
    package let path: String
    package let storage: TensorStorage
    package var byteCount: Int { storage.byteCount }

    package init(_ path: String) throws {
        self.path = path
        // Opening must not wait for the other end of a pipe.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw WinnowError.file(path, "cannot be opened", errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw WinnowError.file(path, "cannot be read", errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw WinnowError(.file, path, status.st_mode & S_IFMT == S_IFDIR ? "is a folder, not a file" : "is not a regular file")
        }
        let count = Int(status.st_size)
        guard count > 0 else {
            storage = TensorStorage(byteCount: 0)
            return
        }
        guard let mapping = TensorStorage(mapping: descriptor, byteCount: count) else {
            throw WinnowError.file(path, "cannot be mapped into memory", errno)
        }
        storage = mapping
    }

    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try storage.withUnsafeBytes(body)
    }

    /// A tensor over the bytes from `offset`, sharing the mapping where alignment and element type allow.
    package func tensor(at offset: Int, shape: Shape, _ elementType: ElementType) throws -> Tensor {
        let count = elementType.byteCount(of: shape.elementCount)
        guard offset >= 0, count <= byteCount, offset <= byteCount - count else {
            throw WinnowError(
                .file, path, "has \(byteCount) bytes, but a tensor needs \(count) from byte \(offset)",
                remedy: "the file is probably cut short")
        }
        if offset % TensorStorage.alignment == 0, elementType != .bool {
            return Tensor(storage: storage, byteOffset: offset, shape: shape, elementType)
        }
        return withUnsafeBytes {
            Tensor(copying: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + count)]), shape: shape, elementType)
        }.spilled()
    }
}

extension TensorStorage {
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(start: base, count: byteCount)) }
    }
}

extension Tensor {
    /// A tensor with a copy of `bytes`, which must be as many as it takes; bools become 0 or 1.
    init(copying bytes: UnsafeRawBufferPointer, shape: Shape, _ elementType: ElementType) {
        self.init(uninitialized: shape, elementType)
        withUnsafeMutableBytes { target in
            precondition(target.count == bytes.count)
            if elementType == .bool {
                for index in bytes.indices { target[index] = bytes[index] == 0 ? 0 : 1 }
            } else {
                target.copyMemory(from: bytes)
            }
        }
    }
}

extension WinnowError {
    /// A failed system call on a file, with the system's own words for why.
    static func file(_ path: String, _ problem: String, _ code: Int32) -> WinnowError {
        WinnowError(.file, path, "\(problem): \(String(cString: strerror(code)).lowercased())")
    }
}
