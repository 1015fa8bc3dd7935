/// Sets elements to one value.
package enum FillKernel {
    /// Repeats the `byteCount` bytes (1, 2, 4 or 8) at `value` over `count` elements.
    package static func run(
        _ value: UnsafeRawPointer, byteCount: Int, to target: UnsafeMutableRawPointer, count: Int
    ) {
        switch byteCount {
        case 1: fill(value.loadUnaligned(as: UInt8.self), target, count)
        case 2: fill(value.loadUnaligned(as: UInt16.self), target, count)
        case 4: fill(value.loadUnaligned(as: UInt32.self), target, count)
        default: fill(value.loadUnaligned(as: UInt64.self), target, count)
        }
    }

    private static func fill<Word: BitwiseCopyable>(_ value: Word, _ target: UnsafeMutableRawPointer, _ count: Int) {
        target.assumingMemoryBound(to: Word.self).update(repeating: value, count: count)
    }
}
