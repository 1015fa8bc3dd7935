import Foundation
import Synchronization
import Winnow

/// Shows how far long work is: one line rewritten on a terminal, a plain line now and then elsewhere.
final class ProgressLine: Sendable {
    private struct State {
        var start = ContinuousClock.now
        var last: ContinuousClock.Instant?
        var stage = ""
        var shown = false
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(2) == 1

    /// Shows where a recipe stands: `[2/5] static-quantization: calibration 40 %`.
    func show(_ progress: Pipeline.Progress) {
        show(progress.event, prefix: "[\(progress.step)/\(progress.stepCount)] \(progress.stepName): ")
    }

    func show(_ event: ProgressEvent, prefix: String = "") {
        let numbers = event.measures.map { "\($0.name) \(Self.short($0.value))" }.joined(separator: "  ")
        show(
            prefix + event.task, fraction: event.total > 0 ? Double(event.completed) / Double(event.total) : 0, detail: numbers,
            remaining: event.remainingSeconds)
    }

    private static func short(_ value: Double) -> String {
        value.magnitude >= 100 ? String(format: "%.0f", value) : String(format: "%.4g", value)
    }

    /// `fraction` is the part of `stage` that is done; the time left is guessed from it unless `remaining` is known.
    func show(_ stage: String, fraction: Double, detail: String, remaining: Double? = nil) {
        state.withLock { state in
            let now = ContinuousClock.now
            if stage != state.stage {
                state.stage = stage
                state.start = now
                state.last = nil
            }
            let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
            if let last = state.last, now - last < pause, fraction < 1 { return }
            state.last = now
            let elapsed = (now - state.start) / .seconds(1)
            let left = remaining ?? (fraction > 0.01 && fraction < 1 ? elapsed * (1 - fraction) / fraction : nil)
            var text = "\(stage) \(Int((100 * min(1, max(0, fraction))).rounded())) %"
            if !detail.isEmpty { text += "  \(detail)" }
            if let left, fraction < 1 { text += "  \(Self.duration(left)) left" }
            state.shown = true
            write(isTerminal ? "\r\u{1B}[2K\(text)" : text + "\n")
        }
    }

    /// Ends the line, so that other output begins on a new one.
    func finish() {
        state.withLock { state in
            if isTerminal, state.shown { write("\r\u{1B}[2K") }
            state.shown = false
        }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    private static func duration(_ seconds: Double) -> String {
        let total = Int(seconds.rounded(.up))
        return total < 60 ? "\(total) s" : total < 3600 ? "\(total / 60) min \(total % 60) s" : "\(total / 3600) h \(total % 3600 / 60) min"
    }
}
