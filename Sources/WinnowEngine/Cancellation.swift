import Synchronization
import WinnowTensor

/// A request to stop, set from any thread or signal handler and looked at between steps.
public final class Cancellation: Sendable {
    private let requested = Atomic<Bool>(false)

    public init() {}

    public func cancel() { requested.store(true, ordering: .relaxed) }

    public var isCancelled: Bool { requested.load(ordering: .relaxed) }

    /// Throws `.cancelled` naming the task once a stop was asked for.
    ///
    /// - Parameter isKept: whether the same work goes on from what is kept of it.
    package func check(_ task: String, isKept: Bool = false) throws {
        if isCancelled { throw Self.stop(of: task, isKept: isKept) }
    }

    /// Runs a part of a task: a stop within is the task's.
    package static func stopping<Result>(_ task: String, isKept: Bool, _ part: () throws -> Result) throws -> Result {
        do { return try part() } catch let error as WinnowError where error.kind == .cancelled { throw stop(of: task, isKept: isKept) }
    }

    /// The error of kind `.cancelled` of a task that was stopped.
    private static func stop(of task: String, isKept: Bool) -> WinnowError {
        WinnowError(.cancelled, task, "was stopped on request", remedy: isKept ? "run the same command again to go on" : "")
    }
}
