/// Aligned memory that tensors share; copied when a shared tensor is written.
package final class TensorStorage: @unchecked Sendable {
    /// Tensors start on this boundary: a cache line, and an AVX-512 register.
    package static let alignment = 64
    /// From here on memory is taken from the system, not from the heap.
    private static let pagesLimit = 8 << 20

    package let base: UnsafeMutableRawPointer
    package let byteCount: Int
    /// Whether it is a mapped file, which nobody writes to.
    let isMapped: Bool
    private let release: () -> Void

    /// Uninitialized memory of at least `byteCount` bytes.
    package init(byteCount: Int) {
        self.byteCount = byteCount
        isMapped = false
        if byteCount >= Self.pagesLimit, let base = Self.pages(byteCount) {
            self.base = base
            release = { Self.release(base, byteCount) }
        } else {
            let base = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: Self.alignment)
            self.base = base
            release = { base.deallocate() }
        }
    }

    /// Memory owned elsewhere (a mapped file); `release` runs when the last tensor lets go.
    package init(base: UnsafeMutableRawPointer, byteCount: Int, isMapped: Bool = false, release: @escaping () -> Void) {
        self.base = base
        self.byteCount = byteCount
        self.isMapped = isMapped
        self.release = release
    }

    deinit { release() }
}
