import Foundation
import Synchronization
import Winnow

/// Shows on standard error how far long work is: one line rewritten on a terminal, a plain line now and then elsewhere, or lines of JSON.
final class ProgressLine: Sendable {
    /// A line of JSON.
    private struct Line: Encodable {
        var task: String
        /// The part of the task that is done; of a recipe, of all its steps.
        var fraction: Double
        var step: Int?
        var steps: Int?
        var pass: String?
        var measures: [String: Double]
        var secondsLeft: Double?
    }

    private struct State {
        var start = ContinuousClock.now
        var runStart = ContinuousClock.now
        var last: ContinuousClock.Instant?
        var stage = ""
        var shown = false
        var course = Sparkline()
        /// What was last added to the course.
        var latest: ProgressEvent.Measure?
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(2) == 1
    private let isQuiet: Bool
    private let isJSON: Bool

    init(isQuiet: Bool = false, isJSON: Bool = false) { (self.isQuiet, self.isJSON) = (isQuiet, isJSON) }

    /// Shows where a recipe stands: `[2/5] static-quantization: calibration 40 %  2 min left`, the time being that of the whole run.
    func show(_ progress: Pipeline.Progress) {
        let elapsed = state.withLock { (ContinuousClock.now - $0.runStart) / .seconds(1) }
        let left = progress.fraction > 0.01 && progress.fraction < 1 ? elapsed * (1 - progress.fraction) / progress.fraction : nil
        guard !isJSON else {
            var line = Self.line(progress.event)
            (line.step, line.steps, line.pass) = (progress.step, progress.stepCount, progress.stepName)
            (line.fraction, line.secondsLeft) = (progress.fraction, left)
            return write(line)
        }
        show(progress.event, prefix: "[\(progress.step)/\(progress.stepCount)] \(progress.stepName): ", remaining: left)
    }

    func show(_ event: ProgressEvent, prefix: String = "", remaining: Double? = nil) {
        guard !isJSON else { return write(Self.line(event)) }
        let course = isTerminal ? course(with: event) : nil
        var numbers = event.measures.map { "\($0.name) \(Self.short($0.value))" }
        if let course {
            // It comes first, for narrow terminals cut what is last; what is judged once an epoch stays until it is judged again.
            if let place = event.measures.firstIndex(where: { $0.name == course.measure.name }) { numbers.remove(at: place) }
            numbers.insert("\(course.measure.name) \(Self.short(course.measure.value)) \(course.text)", at: 0)
        }
        let detail = numbers.joined(separator: "  ")
        show(prefix + event.task, fraction: event.fraction, detail: detail, remaining: remaining ?? event.remainingSeconds)
    }

    /// The course of the metric where epochs are judged, else of the loss.
    private func course(with event: ProgressEvent) -> (measure: ProgressEvent.Measure, text: String)? {
        guard !event.measures.isEmpty else { return nil }
        return state.withLock { state in
            let judged = event.measures.first { $0.name.hasPrefix("validation") }
            let isJudged = state.latest?.name.hasPrefix("validation") == true
            if let measure = judged ?? (isJudged ? nil : event.measures.first { $0.name == "loss" }) {
                if measure.name != state.latest?.name { state.course = Sparkline() }
                state.course.add(measure.value)
                state.latest = measure
            }
            let text = state.course.text()
            return text.isEmpty ? nil : state.latest.map { ($0, text) }
        }
    }

    private static func line(_ event: ProgressEvent) -> Line {
        Line(
            task: event.task, fraction: event.fraction,
            measures: Dictionary(event.measures.filter(\.value.isFinite).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }),
            secondsLeft: event.remainingSeconds)
    }

    /// At most once a second.
    private func write(_ line: Line) {
        guard !isQuiet else { return }
        let isDue = state.withLock { state in
            let now = ContinuousClock.now
            if let last = state.last, now - last < .seconds(1) { return false }
            state.last = now
            return true
        }
        guard isDue, let bytes = try? JSONEncoder.forOutput().encode(line) else { return }
        FileHandle.standardError.write(bytes + Data("\n".utf8))
    }

    private static func short(_ value: Double) -> String {
        value.magnitude >= 100 ? String(format: "%.0f", value) : String(format: "%.4g", value)
    }

    /// `fraction` is the part of `stage` that is done; the time left is guessed from it unless `remaining` is known.
    func show(_ stage: String, fraction: Double, detail: String, remaining: Double? = nil) {
        guard !isQuiet else { return }
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
            let percent = " \(Int((100 * min(1, max(0, fraction))).rounded())) %"
            let time = left.map { $0 > 0 ? "  \(Self.duration($0)) left" : "" } ?? ""
            state.shown = true
            guard isTerminal else { return write(stage + percent + (detail.isEmpty ? "" : "  \(detail)") + time + "\n") }
            write("\r\u{1B}[2K" + Self.fitting(stage, percent + time, detail, width: Self.terminalWidth - 1))
        }
    }

    /// The line within `width` columns: details go first, then the end of the stage's name.
    private static func fitting(_ stage: String, _ numbers: String, _ detail: String, width: Int) -> String {
        let whole = stage + numbers + (detail.isEmpty ? "" : "  \(detail)")
        if whole.count <= width { return whole }
        let room = width - numbers.count
        if stage.count <= room { return String(whole.prefix(width)) }
        return room > 1 ? String(stage.prefix(room - 1)) + "…" + numbers : String(numbers.prefix(max(0, width)))
    }

    private static var terminalWidth: Int {
        var size = winsize()
        return ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    /// Ends the line, so that other output begins on a new one.
    func finish() {
        state.withLock { state in
            if state.shown { Self.clear() }
            state.shown = false
        }
    }

    /// Clears a line that work which failed has left on the terminal.
    static func clear() {
        if isatty(2) == 1 { FileHandle.standardError.write(Data("\r\u{1B}[2K".utf8)) }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    private static func duration(_ seconds: Double) -> String {
        let total = Int(min(1e9, seconds).rounded(.up))
        return total < 60 ? "\(total) s" : total < 3600 ? "\(total / 60) min \(total % 60) s" : "\(total / 3600) h \(total % 3600 / 60) min"
    }
}
