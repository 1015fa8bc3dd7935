internal import CWinnowKernels

/// In WinnowThreads.c: a Swift closure handed over as it is, because wrapping it for a C callback would allocate.
@_silgen_name("winnow_parallel")
private func parallel(_ parts: Int, _ body: (Int) -> Void)

/// Loops over the same threads that oneDNN uses. Bodies must not start another parallel loop or run a
/// oneDNN kernel, unless it was made for `Work.unshared` and no other thread runs it.
package enum Parallel {
    /// Calls `body` once for each part in `0..<parts`, each part on a thread of its own if there are enough. Allocates nothing.
    package static func forParts(_ parts: Int, _ body: (Int) -> Void) {
        guard parts > 1 else { return parts == 1 ? body(0) : () }
        parallel(parts, body)
    }

    /// Calls `body` with contiguous ranges that cover `0..<count`, one per thread, at least `minimum` indices each.
    ///
    /// The ranges depend only on `count`, `minimum` and the thread count.
    package static func forRanges(_ count: Int, minimum: Int = 1, _ body: (Range<Int>) -> Void) {
        guard count > 0 else { return }
        let parts = min(ThreadCount.current, max(1, count / max(minimum, 1)))
        forParts(parts) { part in body((count * part / parts)..<(count * (part + 1) / parts)) }
    }

    /// Calls `body` once for each index in `0..<count`, neighbouring indices on the same thread.
    package static func forEach(_ count: Int, minimum: Int = 1, _ body: (Int) -> Void) {
        forRanges(count, minimum: minimum) { range in
            for index in range { body(index) }
        }
    }
}
