package import WinnowTensor

/// Divides one block of scratch memory among the parts of a kernel, each on a cache-line boundary.
package struct ScratchLayout {
    package private(set) var byteCount = 0

    package init() {}

    /// The byte offset of a new part.
    package mutating func reserve(_ partByteCount: Int) -> Int {
        let offset = byteCount
        byteCount = (offset + partByteCount + 63) & ~63
        return offset
    }

    /// The byte offset of a new part with room for so many elements.
    package mutating func reserve(_ count: Int, of elementType: ElementType) -> Int {
        reserve(elementType.byteCount(of: count))
    }
}
