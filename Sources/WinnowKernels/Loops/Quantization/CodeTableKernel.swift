internal import CWinnowKernels

/// target[i] = table[source[i]] of bytes.
package enum CodeTableKernel {
    /// `source` and `target` may be the same memory; `table` has 256 entries.
    package static func run(
        _ source: UnsafeRawPointer, table: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int
    ) {
        let x = source.assumingMemoryBound(to: UInt8.self)
        let y = target.assumingMemoryBound(to: UInt8.self)
        let entries = table.assumingMemoryBound(to: UInt8.self)
        forChunks(count) { start, count in
            winnow_look_up(x + start, y + start, count, entries)
        }
    }
}
