import Synchronization
import WinnowTensor

/// A request to stop, set from any thread or signal handler and looked at between steps.
public final class Cancellation: Sendable {
    private let requested = Atomic<Bool>(false)

    public init() {}

    public func cancel() { requested.store(true, ordering: .relaxed) }

    public var isCancelled: Bool { requested.load(ordering: .relaxed) }

    /// Throws `.cancelled` naming the task once a stop was asked for.
    package func check(_ task: String, remedy: String = "") throws {
        if isCancelled { throw WinnowError(.cancelled, task, "was stopped on request", remedy: remedy) }
    }
}
