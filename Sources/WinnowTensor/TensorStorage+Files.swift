#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension TensorStorage {
    /// Pages of their own, which go back to the system when they are released, as memory below others in the heap does not.
    static func pages(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        return base == MAP_FAILED ? nil : base
    }

    static func release(_ base: UnsafeMutableRawPointer, _ byteCount: Int) { munmap(base, byteCount) }

    /// The first `byteCount` bytes of an open file: pages are read when touched, and writes to them stay private. nil, and
    /// `errno` set, where that cannot be.
    package convenience init?(mapping descriptor: Int32, byteCount: Int) {
        guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0),
            base != MAP_FAILED
        else { return nil }
        self.init(base: base, byteCount: byteCount, isMapped: true) { Self.release(base, byteCount) }
    }

    /// Gives the memory of whole pages of a mapped file in this range back: the system reads them again when they are touched.
    package func releasePages(_ range: Range<Int>) {
        guard isMapped else { return }
        let size = Int(sysconf(Int32(_SC_PAGESIZE)))
        let first = (range.lowerBound + size - 1) / size * size
        let last = range.upperBound / size * size
        if first < last { _ = madvise(base + first, last - first, MADV_DONTNEED) }
    }

    /// A copy of `bytes` in a temporary file that has no name and goes with the storage; nil if there is no room for it.
    fileprivate convenience init?(spilling bytes: UnsafeRawBufferPointer) {
        let descriptor = NamelessFile.opened()
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            rest = rest.dropFirst(count)
        }
        self.init(mapping: descriptor, byteCount: bytes.count)
    }
}

extension Tensor {
    /// Gives memory back where the tensor lies in a mapped file: the system reads its pages again when they are touched.
    package func releasePages() {
        memory.storage.releasePages(memory.byteOffset..<memory.byteOffset + byteCount)
    }

    /// The same tensor, from 1 MiB on in a temporary file (`TMPDIR`), whose pages the system may drop and read again. For
    /// results that are long not needed; where the disk is full, the tensor stays in memory.
    package func spilled() -> Tensor {
        guard byteCount >= 1 << 20, let storage = withUnsafeBytes({ TensorStorage(spilling: $0) }) else { return self }
        return Tensor(storage: storage, shape: shape, elementType)
    }
}
