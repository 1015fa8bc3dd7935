internal import CWinnowKernels

/// How many threads kernels use; oneDNN and `Parallel` share one pool (WinnowPool.c).
package enum ThreadCount {
    /// Sets the count for kernels made from now on; 0 or less means one per core that affinity and control groups leave.
    ///
    /// A prepared kernel keeps the count it was made with: plan again after a change.
    package static func set(_ count: Int) { winnow_set_thread_count(Int32(clamping: count)) }

    package static var current: Int { Int(winnow_thread_count()) }

    /// Beyond this threads only stand in each other's way.
    package static var limit: Int { Int(winnow_thread_limit()) }

    /// The threads worth waking for some work: all or one.
    ///
    /// Sharing costs microseconds, more where other programs keep the cores busy.
    static func worth(_ work: Work) -> Int { work.multiplications < 1 << 19 ? 1 : current }

    /// oneDNN asks for the count on the calling thread, so it is applied before each use.
    @inline(__always)
    static func applyToCurrentThread(_ count: Int = current) { winnow_apply_thread_count(Int32(count)) }
}
