import Foundation

extension Cancellation {
    /// Does long work on a thread of its own, so that no executor is held up; cancelling the task that waits for it cancels what
    /// `work` is given.
    ///
    /// ```swift
    /// let trained = try await Cancellation.ofTask { try model.trained(configuration, on: data, cancellation: $0).model }
    /// ```
    public static func ofTask<Success: Sendable>(
        _ work: @escaping @Sendable (Cancellation) throws -> Success
    ) async throws -> Success {
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let thread = Thread { continuation.resume(with: Result { try work(cancellation) }) }
                // As much as the main thread has.
                thread.stackSize = 8 << 20
                thread.start()
            }
        } onCancel: {
            cancellation.cancel()
        }
    }
}
