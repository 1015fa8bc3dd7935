internal import CWinnowKernels

/// Loops over the same threads that oneDNN uses. Bodies must not start another parallel loop or run a oneDNN kernel.
package enum Parallel {
    /// Calls `body` with contiguous ranges that cover `0..<count`, one per thread, at least `minimum` indices each.
    ///
    /// The ranges depend only on `count`, `minimum` and the thread count. Allocates nothing.
    package static func forRanges(_ count: Int, minimum: Int = 1, _ body: (Range<Int>) -> Void) {
        guard count > 0 else { return }
        let parts = min(ThreadCount.current, max(1, count / max(minimum, 1)))
        guard parts > 1 else { return body(0..<count) }
        withoutActuallyEscaping(body) { body in
            let job = Job(count: count, body: body)
            withUnsafePointer(to: job) { job in
                winnow_parallel(Int32(parts), job) { context, part, parts in
                    context?.assumingMemoryBound(to: Job.self).pointee.run(Int(part), of: Int(parts))
                }
            }
        }
    }

    /// Calls `body` once for each index in `0..<count`, neighbouring indices on the same thread.
    package static func forEach(_ count: Int, minimum: Int = 1, _ body: (Int) -> Void) {
        forRanges(count, minimum: minimum) { range in
            for index in range { body(index) }
        }
    }

    private struct Job {
        var count: Int
        var body: (Range<Int>) -> Void

        func run(_ part: Int, of parts: Int) { body((count * part / parts)..<(count * (part + 1) / parts)) }
    }
}
