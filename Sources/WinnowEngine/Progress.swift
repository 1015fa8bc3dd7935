/// How far a long task is; what a terminal draws as one line.
public struct ProgressEvent: Sendable, Hashable, CustomStringConvertible {
    /// What is running: `training`, `calibration`, `evaluation`.
    public var task: String
    public var completed: Int
    public var total: Int
    /// What is counted: `steps`, `samples`, `rounds`.
    public var unit: String
    /// Named numbers worth showing, in order: epoch, loss, accuracy, samples/s.
    public var measures: [Measure]
    public var elapsedSeconds = 0.0
    /// The time left at the present pace; nil before there is a pace.
    public var remainingSeconds: Double?
    /// The part of the whole task that is done, of which this may be one of several rounds.
    public var fraction: Double

    public struct Measure: Sendable, Hashable {
        public var name: String
        public var value: Double

        public init(_ name: String, _ value: Double) {
            self.name = name
            self.value = value
        }
    }

    public init(_ task: String, completed: Int, of total: Int, unit: String, measures: [Measure] = []) {
        self.task = task
        self.completed = completed
        self.total = total
        self.unit = unit
        self.measures = measures
        fraction = total > 0 ? min(1, max(0, Double(completed) / Double(total))) : 0
    }

    /// The event as one of `count` equal parts of a longer task, of which `index` are done.
    package func part(_ index: Int, of count: Int) -> ProgressEvent {
        var event = self
        event.fraction = min(1, (Double(index) + fraction) / Double(max(1, count)))
        return event
    }

    /// The time left if the rest takes as long as what is done since `start`.
    package init(_ task: String, completed: Int, of total: Int, unit: String, since start: ContinuousClock.Instant) {
        self.init(task, completed: completed, of: total, unit: unit)
        elapsedSeconds = (ContinuousClock.now - start) / .seconds(1)
        remainingSeconds = elapsedSeconds * Double(total - completed) / Double(max(1, completed))
    }

    /// `training 40 %`
    public var description: String { "\(task) \(Int((100 * fraction).rounded())) %" }

    /// The measure of this name.
    public subscript(name: String) -> Double? { measures.first { $0.name == name }?.value }
}

/// Takes progress events from the thread that works.
public typealias ProgressReporter = @Sendable (ProgressEvent) -> Void
