import WinnowEngine
import WinnowPasses

extension Report {
    /// For each step that trained, how good the model was after each epoch, beside its teachers and where it began.
    var trainingSections: [Page.Section] {
        steps.indices.compactMap { place in
            let step = steps[place]
            guard let course = TrainingCourse(step.findings) else { return nil }
            var bounds = course.bounds
            let isBeginningTold = bounds.contains { $0.caption.hasPrefix(TrainingCourse.beginning) }
            if !isBeginningTold, course.isPart, let before = validationTop1(before: place) {
                bounds.append((100 * before, "\(TrainingCourse.beginning) \(Format.percent(before))"))
            }
            return Page.Section(
                title: "Course of training: step \(place + 1), \(step.name)",
                html: Chart.line(course.points, x: "epoch", y: course.title, bounds: bounds)
                    + HTML.paragraph("One point an epoch. Broken lines: models that are not trained, on the same samples.", "soft"))
        }
    }

    private func validationTop1(before step: Int) -> Double? {
        step == 0 ? models.first?.validationTop1 : steps[step - 1].result?.validationTop1
    }
}

/// What the epochs of one training run reached.
private struct TrainingCourse {
    let points: [Chart.Point]
    /// Teachers, and the model before.
    let bounds: [Chart.Bound]
    let title: String
    /// Whether what was measured is a part of one, shown in percent.
    let isPart: Bool

    static let beginning = "before training"

    /// nil where no epochs were told of, or only one.
    init?(_ findings: [Finding]) {
        let epochs = findings.filter { $0.round == nil }.compactMap { finding in Self.epoch(of: finding).map { (number: $0, finding: finding) } }
        let measured = epochs.filter { $0.finding.quantity != .trainingLoss }
        let told = measured.isEmpty ? epochs : measured
        guard let quantity = told.first?.finding.quantity, told.count > 1, zip(told, told.dropFirst()).allSatisfy({ $0.number < $1.number })
        else { return nil }
        let isPart = quantity == .validation(Top1.name)
        func text(_ value: Double) -> String { isPart ? Format.percent(value) : Format.short(value) }
        func height(_ value: Double) -> Double { isPart ? 100 * value : value }
        let losses = Dictionary(
            epochs.filter { $0.finding.quantity == .trainingLoss }.compactMap { epoch in epoch.finding.after.map { (epoch.number, $0) } },
            uniquingKeysWith: { first, _ in first })
        points = told.compactMap { epoch in
            guard let value = epoch.finding.after, value.isFinite else { return nil }
            let loss = quantity == .trainingLoss ? "" : losses[epoch.number].map { ", training loss \(Format.short($0))" } ?? ""
            return Chart.Point(x: Double(epoch.number), y: height(value), label: "epoch \(epoch.number): \(quantity.name) \(text(value))\(loss)")
        }
        bounds = findings.filter { ["teacher", "student"].contains($0.subject) && $0.quantity == quantity }.compactMap { finding in
            finding.after.map { (height($0), "\(finding.subject == "teacher" ? "teacher" : Self.beginning) \(text($0))") }
        }
        (title, self.isPart) = (isPart ? "\(quantity.name) (%)" : quantity.name, isPart)
    }

    /// `3` of `epoch 3`
    private static func epoch(of finding: Finding) -> Int? {
        let words = finding.subject.split(separator: " ")
        return words.count == 2 && words[0] == "epoch" ? Int(words[1]) : nil
    }
}
