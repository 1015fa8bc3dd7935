/// What went wrong in the parts of a parallel loop, whose bodies cannot throw.
final class PartFailures: @unchecked Sendable {
    private let failures: UnsafeMutableBufferPointer<(any Error)?>

    init(_ parts: Int) {
        failures = .allocate(capacity: parts)
        failures.initialize(repeating: nil)
    }

    deinit {
        failures.deinitialize()
        failures.deallocate()
    }

    /// Runs `body(part)` for as many parts as there are, each on a thread of its own if there are enough, and throws what the first of
    /// those threw that failed.
    func forParts(_ body: (Int) throws -> Void) throws {
        Parallel.forParts(failures.count) { part in
            do { try body(part) } catch { failures[part] = error }
        }
        for part in failures.indices {
            if let failure = failures[part] {
                failures[part] = nil
                throw failure
            }
        }
    }
}
