package import WinnowGraph
package import WinnowTensor

/// How numbers become codes, for every pass that stores weights as integers.
public struct RoundingChoice: HyperparameterGroup {
    @Hyperparameter("how numbers become codes; none: as the pass does by itself; gptq, adaround, brecq, sequential-mse look at data")
    public var rounding: Chosen<WeightRoundings>? = nil
    @Hyperparameter(
        "calibration samples that a rounding looks at, at most", in: 1...1e9,
        counts: .with("rounding", ["gptq", "adaround", "brecq", "sequential-mse"]))
    public var roundingSamples = 256
    @Hyperparameter(
        "layers one after the other, each making up for those before it; a run over the data for each",
        counts: .with("rounding", ["gptq", "adaround", "brecq", "sequential-mse"]))
    public var sequential = false
    @Hyperparameter("gptq: part of the mean diagonal of XᵀX that is added to it", in: 0...1e3, counts: .with("rounding", ["gptq"]))
    public var damping = 0.01
    @Hyperparameter("gptq: begin with the inputs that are largest over the data", counts: .with("rounding", ["gptq"])) public var actOrder = false
    @Hyperparameter(
        "gptq: scales of blocks are those of the weight, not of what it is when a block begins", counts: .with("rounding", ["gptq"]))
    public var staticGroups = false
    @Hyperparameter("adaround, brecq: steps of learning", in: 1...1e6, rehearsal: 10, counts: .with("rounding", ["adaround", "brecq"]))
    public var roundingSteps = 300

    /// Whether the rounding is what a pass does by itself.
    private var isDefault = false

    public init() {}

    private var member: any WeightRounding.Type { rounding?.member ?? NearestRounding.self }
    package var needs: PassNeeds { member.needs }

    /// Whether numbers were asked to become other codes than the nearest.
    var isAsked: Bool { !isDefault && member != NearestRounding.self }

    /// That a weight has the nearest codes all the same; nil where it has others, or where nobody asked for such.
    func nearest(_ task: RoundingTask, _ rounded: RoundedWeight?) -> Finding? {
        if rounded == nil, needs != .nothing { return Self.nearest(task.target, "the data tells nothing of its inputs") }
        return isAsked && rounded.map(task.isNearest) ?? true ? Self.nearest(task.target, "\(member.name) finds no better codes") : nil
    }

    static func nearest(_ target: WeightTarget, _ why: String) -> Finding {
        Finding(target.tensor, .fellBack, .elementSize, reason: "rounded to the nearest: \(why)")
    }

    /// The same with another rounding where none is chosen.
    func otherwise(_ name: Chosen<WeightRoundings>) -> RoundingChoice {
        var result = self
        (result.rounding, result.isDefault) = (rounding ?? name, rounding == nil)
        return result
    }

    /// Rounds weights layer by layer, and hands each on as soon as it is done, in no particular order; nil: each number to the
    /// nearest.
    ///
    /// - Parameters:
    ///   - seesData: whether the graph runs by itself.
    ///   - finding: the parameters of a target with other numbers, or of a part of it, and why they are coarser than was asked
    /// for.
    package func round(
        _ targets: [WeightTarget], in graph: Graph, seesData: Bool = true, _ context: PassContext,
        finding: @escaping (WeightTarget, Tensor) -> (parameters: QuantizationParameters, reason: String?),
        done: (RoundingTask, RoundedWeight?) throws -> Void
    ) throws {
        var rounding = member.init(self)
        rounding.prepare(for: targets, in: graph)
        let tasks = targets.map { target in PendingRounding(target) { finding(target, $0) } }
        var rest = Dictionary(tasks.map { ($0.target.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        func finish(_ layer: LayerReconstruction) throws -> RoundedWeight? {
            guard let task = rest.removeValue(forKey: layer.contraction.site.tensor)?.task else { return nil }
            let rounded = try rounding.rounded(task, layer)
            try done(task, rounded)
            return rounded ?? RoundedWeight(values: task.parameters.roundTrip(task.target.values), parameters: task.parameters)
        }
        if seesData, let rounding = rounding as? any BlockWiseRounding { return try rounding.round(tasks, in: graph, context, done) }
        if seesData, needs != .nothing, sequential {
            try LayerReconstruction.forEachInTurn(of: targets, in: graph, context, sampleCount: roundingSamples) {
                try finish($0)?.values
            }
        } else if seesData, needs != .nothing {
            try LayerReconstruction.forEach(
                of: targets, in: graph, context, sampleCount: roundingSamples, takesParts: true
            ) { _ = try finish($0) }
        }
        for pending in tasks where rest[pending.target.tensor] != nil {
            let task = pending.task
            try done(task, rounding.rounded(task, nil))
        }
    }
}

extension RoundingChoice: ExpressibleByStringLiteral {
    /// A rounding by its name, the rest as it is by default.
    public init(stringLiteral name: String) {
        self.init()
        rounding = Chosen(stringLiteral: name)
    }
}
