internal import CWinnowKernels

/// How many threads kernels use; oneDNN and `Parallel` share one pool (libgomp's).
package enum ThreadCount {
    /// Sets the count for kernels made from now on; 0 or less means one per available core.
    ///
    /// A prepared kernel keeps the count it was made with: plan again after a change.
    package static func set(_ count: Int) { winnow_set_thread_count(Int32(clamping: count)) }

    /// Restarts the program so that idle threads sleep soon; call first in `main`, returns if nothing is to do.
    ///
    /// Without it they spin for milliseconds after each kernel and slow every other process down. The user's
    /// GOMP_SPINCOUNT, OMP_WAIT_POLICY and OPENBLAS_NUM_THREADS win.
    package static func restartWithFewSpins() { winnow_restart_with_few_spins(CommandLine.unsafeArgv, nil) }

    package static var current: Int { Int(winnow_thread_count()) }

    /// The threads worth waking for some work: all or one.
    ///
    /// Sharing costs microseconds, far more where other programs keep the cores busy. Never a number between: libgomp ends
    /// threads that a smaller team leaves over, and starts them anew for the next.
    static func worth(_ work: Work) -> Int { work.multiplications < 1 << 19 ? 1 : current }

    /// OpenMP keeps the count per calling thread, so it is applied before each use.
    @inline(__always)
    static func applyToCurrentThread(_ count: Int = current) { winnow_apply_thread_count(Int32(count)) }
}
