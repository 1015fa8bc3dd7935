import Foundation
import Synchronization

/// Ends the process, naming what was in work, where that takes too long or the process too much memory.
package final class Watchdog: Sendable {
    private struct Work {
        var name: String
        var start: ContinuousClock.Instant
    }

    private let work = Mutex<Work?>(nil)

    package init(secondsLimit: Double, memoryLimit: Int) {
        Thread.detachNewThread { [weak self] in
            while let self {
                self.check(secondsLimit, memoryLimit)
                Thread.sleep(forTimeInterval: 0.5)
            }
        }
    }

    /// The seconds that `body` took.
    package func seconds(_ name: String, _ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        work.withLock { $0 = Work(name: name, start: start) }
        defer { work.withLock { $0 = nil } }
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private func check(_ secondsLimit: Double, _ memoryLimit: Int) {
        guard let work = work.withLock({ $0 }) else { return }
        let (seconds, memory) = ((ContinuousClock.now - work.start) / .seconds(1), Self.residentMemory())
        guard seconds > secondsLimit || memory > memoryLimit else { return }
        FileHandle.standardError.write(Data("\(work.name): after \(Int(seconds)) s, with \(memory >> 20) MB\n".utf8))
        abort()
    }

    private static func residentMemory() -> Int {
        guard let counts = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        return (counts.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * Int(getpagesize())
    }
}
