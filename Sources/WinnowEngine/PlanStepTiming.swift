import WinnowTensor

/// One step of an executed plan and the time it takes.
public struct PlanStepTiming: Codable, Sendable {
    public var node: String
    public var operatorType: String
    public var outputShape: [Int]
    public var layout: String
    /// Which of several ways to compute the node it is; nil where there is one.
    public var kernel: String?
    public var medianMilliseconds: Double
    /// The part of the plan's whole time.
    public var share: Double
    /// Of the whole batch, where the step is a contraction whose axes are known.
    public var multiplyAccumulates: Int?
}

extension PlanStepTiming {
    /// Runs `plan` for `seconds`, timing every step by itself, all parts of the samples together; `multiplyAccumulates` are those of the nodes, by name.
    package static func measure(
        _ plan: Plan, seconds: Double, multiplyAccumulates: [String: Int?] = [:]
    ) throws -> [PlanStepTiming] {
        try plan.execute()
        let steps = plan.steps
        var times = [[Double]](repeating: [], count: steps.count)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        while clock.now < end || (times.first?.count ?? 5) < 5 {
            for (index, step) in steps.enumerated() {
                times[index].append(try clock.measure { try step.execute() } / .milliseconds(1))
            }
        }
        let medians = times.map { $0.sorted()[$0.count / 2] * Double(plan.partCount) }
        let whole = medians.reduce(0, +)
        return zip(steps, medians).map { step, median in
            PlanStepTiming(
                node: step.nodeName, operatorType: step.operatorType, outputShape: step.outputShape.extents,
                layout: "\(step.layout)", kernel: step.kernelName, medianMilliseconds: median, share: whole > 0 ? median / whole : 0,
                multiplyAccumulates: multiplyAccumulates[step.nodeName] ?? nil)
        }
    }
}

extension PlanStepTiming {
    /// 10⁹ multiply–accumulates a second.
    public var gigaMultiplyAccumulatesPerSecond: Double? {
        multiplyAccumulates.flatMap { medianMilliseconds > 0 ? Double($0) / medianMilliseconds / 1e6 : nil }
    }
}

extension PlanStepTiming: CustomStringConvertible {
    public var description: String {
        let time = (medianMilliseconds * 1e4).rounded() / 1e4
        let percent = (share * 1000).rounded() / 10
        let rate = gigaMultiplyAccumulatesPerSecond.map { "  \(($0 * 10).rounded() / 10) GMAC/s" } ?? ""
        let way = kernel.map { "  [\($0)]" } ?? ""
        return "\(time) ms  \(percent) %  \(node)  \(operatorType)  \(Shape(outputShape))  \(layout)\(rate)\(way)"
    }
}
