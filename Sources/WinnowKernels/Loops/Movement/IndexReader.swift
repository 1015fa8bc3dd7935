internal import WinnowTensor

/// Reads int32 or int64 indices that may count from the end, and refuses those out of range.
struct IndexReader: Sendable {
    private let isWide: Bool
    private let subject: String

    init(_ elementType: ElementType, subject: String) throws {
        guard elementType == .int32 || elementType == .int64 else {
            throw WinnowError(.unsupported, subject, "needs int32 or int64 indices, not \(elementType)")
        }
        isWide = elementType == .int64
        self.subject = subject
    }

    /// The index at `position` of `indices` as one in `0..<extent`.
    @inline(__always)
    func read(_ indices: UnsafeRawPointer, _ position: Int, extent: Int) throws -> Int {
        let raw = isWide
            ? Int(indices.assumingMemoryBound(to: Int64.self)[position])
            : Int(indices.assumingMemoryBound(to: Int32.self)[position])
        let index = raw < 0 ? raw + extent : raw
        guard index >= 0 && index < extent else { throw outOfRange(raw, extent) }
        return index
    }

    private func outOfRange(_ index: Int, _ extent: Int) -> WinnowError {
        WinnowError(.data, subject, "index \(index) is outside an axis of extent \(extent)")
    }
}
