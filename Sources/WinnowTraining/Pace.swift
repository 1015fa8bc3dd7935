import WinnowEngine

/// How fast steps go, for progress events.
struct Pace {
    private let totalSteps: Int
    private var startStep = 0
    private var startTime = ContinuousClock.now
    private var lastEvent = ContinuousClock.now

    init(totalSteps: Int) { self.totalSteps = totalSteps }

    mutating func start(at step: Int) {
        startStep = step
        startTime = .now
        lastEvent = .now
    }

    /// An event, at most ten a second.
    mutating func event(_ step: Int, run: TrainingRun) -> ProgressEvent? {
        let now = ContinuousClock.now
        guard now - lastEvent > .milliseconds(100) else { return nil }
        lastEvent = now
        return event(step, run, [.init("loss", run.lossSum / Double(max(1, run.lossCount)))], now)
    }

    func epochEvent(_ step: Int, run: TrainingRun, _ record: EpochRecord) -> ProgressEvent {
        var measures: [ProgressEvent.Measure] = [.init("loss", record.loss)]
        if let top1 = record.validationTop1 { measures.append(.init("validation top-1", top1)) }
        return event(step, run, measures, .now)
    }

    private func event(
        _ step: Int, _ run: TrainingRun, _ measures: [ProgressEvent.Measure], _ now: ContinuousClock.Instant
    ) -> ProgressEvent {
        let seconds = (now - startTime) / .seconds(1)
        let perStep = step > startStep ? seconds / Double(step - startStep) : 0
        let epoch = (step - 1) / max(1, run.stepsPerEpoch) + 1
        let samples = perStep > 0 ? Double(run.trainer.configuration.batchSize) / perStep : 0
        var event = ProgressEvent(
            "training", completed: step, of: totalSteps, unit: "steps",
            measures: [.init("epoch", Double(epoch))] + measures + [.init("samples/s", samples)])
        (event.elapsedSeconds, event.remainingSeconds) = (seconds, perStep * Double(totalSteps - step))
        return event
    }
}
