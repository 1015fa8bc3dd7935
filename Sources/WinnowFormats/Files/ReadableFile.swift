import WinnowTensor

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file whose bytes are read where they are asked for, by any number of threads at once. Unlike those of a mapped file, they take memory
/// only where they are put.
final class ReadableFile: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw WinnowError.file(path, "cannot be opened", errno) }
    }

    /// A temporary file without a name that goes with this, of what `fill` writes.
    init(temporaryFor path: String, _ fill: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws {
        self.path = path
        let descriptor = NamelessFile.opened()
        self.descriptor = descriptor
        guard descriptor >= 0 else { throw NamelessFile.failure() }
        try fill { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw NamelessFile.failure() }
                rest = rest.dropFirst(count)
            }
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Fills `target` with the bytes from `offset`. Throws `.file` where there are not as many.
    func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
        var rest = target[...]
        while !rest.isEmpty {
            let place = off_t(offset + target.count - rest.count)
            let count = pread(descriptor, UnsafeMutableRawBufferPointer(rebasing: rest).baseAddress, rest.count, place)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw WinnowError.file(path, "cannot be read", errno) }
            guard count > 0 else { throw WinnowError(.file, path, "has become shorter since it was opened") }
            rest = rest.dropFirst(count)
        }
    }

    /// Calls `body` with the bytes of a range, a piece after the other.
    func forEachPiece(of range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let pieceByteCount = 1 << 20
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceByteCount, alignment: 16)
        defer { buffer.deallocate() }
        for start in stride(from: range.lowerBound, to: range.upperBound, by: pieceByteCount) {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(pieceByteCount, range.upperBound - start)])
            try read(at: start, into: piece)
            try body(UnsafeRawBufferPointer(piece))
        }
    }
}
