/// Divides one block of scratch memory among the parts of a kernel, each on a cache-line boundary.
struct ScratchLayout {
    private(set) var byteCount = 0

    /// The byte offset of a new part.
    mutating func reserve(_ partByteCount: Int) -> Int {
        let offset = byteCount
        byteCount = (offset + partByteCount + 63) & ~63
        return offset
    }
}
