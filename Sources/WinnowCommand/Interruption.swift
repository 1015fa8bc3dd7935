import Foundation
import Synchronization
import Winnow

/// Turns SIGINT and SIGTERM into a request to stop: work in progress saves its state and ends with an error. What does not end
/// within a second is ended. Files beyond a limit of their size (SIGXFSZ) are errors of what writes them.
enum Interruption {
    static let cancellation = Cancellation()

    /// The signal that came; 0: none.
    private static let signalNumber = Atomic<Int32>(0)
    /// A pipe through which the handler wakes the thread that watches.
    private nonisolated(unsafe) static var wake: (read: Int32, write: Int32) = (-1, -1)

    /// The time that work has to end by itself, and the time that a file being written has beyond it, in microseconds.
    private static let (grace, writing) = (useconds_t(700_000), useconds_t(10_000_000))

    /// 128 and the signal's number where one came.
    static var exitCode: Int32? {
        let number = signalNumber.load(ordering: .relaxed)
        return number == 0 ? nil : 128 + number
    }

    static func install() {
        _ = cancellation
        signal(SIGXFSZ, SIG_IGN)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        wake = (ends[0], ends[1])
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                // A second signal ends the program at once.
                if Interruption.signalNumber.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
                Interruption.cancellation.cancel()
                var byte: UInt8 = 0
                _ = write(Interruption.wake.write, &byte, 1)
            }
        }
        Thread.detachNewThread { watch() }
    }

    private static func watch() {
        var byte: UInt8 = 0
        while read(wake.read, &byte, 1) != 1 { if errno != EINTR { return } }
        usleep(grace)
        var waited: useconds_t = 0
        while Platform.isWriting, waited < writing {
            usleep(10_000)
            waited += 10_000
        }
        Platform.abandonFiles {
            FileHandle.standardError.write(Data("winnow: was stopped on request; given again, run and train go on where they were\n".utf8))
            _exit(exitCode ?? 1)
        }
    }
}
