import Foundation
import Winnow

/// Turns SIGINT and SIGTERM into a request to stop: work in progress saves its state and ends with an error.
enum Interruption {
    static let cancellation = Cancellation()

    static func install() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                // A second signal ends the program at once.
                if Interruption.cancellation.isCancelled { _exit(128 + number) }
                Interruption.cancellation.cancel()
            }
        }
        _ = cancellation
    }
}
